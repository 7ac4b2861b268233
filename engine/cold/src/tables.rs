//! The tables of the cold store and their columns: the one place that names them. A new kind of record is rows of one of these, or
//! one table more. No column has a name that SQL reserves: analysts would have to quote it.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A 64-bit integer; money in satang.
    Int,
    /// Milliseconds since the Unix epoch, UTC.
    Instant,
    /// Days since the Unix epoch.
    Date,
    /// UTF-8.
    Text,
    Flag,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub of: ColumnType,
    /// Whether a row may have none.
    pub nullable: bool,
    /// How its values are told from each other when there are many: an id that rows are found by.
    pub is_id: bool,
    /// What it says, for people who read the table.
    pub about: &'static str,
}

macro_rules! column_type {
    (int) => {
        (ColumnType::Int, false, false)
    };
    (int_or_null) => {
        (ColumnType::Int, true, false)
    };
    (instant) => {
        (ColumnType::Instant, false, false)
    };
    (instant_or_null) => {
        (ColumnType::Instant, true, false)
    };
    (date) => {
        (ColumnType::Date, false, false)
    };
    (date_or_null) => {
        (ColumnType::Date, true, false)
    };
    (text) => {
        (ColumnType::Text, false, false)
    };
    (text_or_null) => {
        (ColumnType::Text, true, false)
    };
    (id) => {
        (ColumnType::Text, false, true)
    };
    (id_or_null) => {
        (ColumnType::Text, true, true)
    };
    (flag) => {
        (ColumnType::Flag, false, false)
    };
}

/// How many columns every table begins with.
pub const COMMON_COLUMNS: usize = 5;

macro_rules! tables {
    ($($(#[$doc:meta])* $Table:ident $name:literal { $($column:ident: $of:ident = $about:literal;)+ })+) => {
        /// A table of the cold store.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table {
            $($(#[$doc])* $Table,)+
        }

        impl Table {
            /// Every table.
            pub const ALL: &'static [Table] = &[$(Table::$Table),+];

            /// The table's name: its folder.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Table::$Table => $name,)+
                }
            }

            /// Its columns, in order.
            pub const fn columns(self) -> &'static [Column] {
                match self {
                    $(Table::$Table => {
                        const COLUMNS: &[Column] = &[
                            column("sequence", column_type!(int), "position in the journal"),
                            column("decided_at", column_type!(instant), "when it was decided"),
                            column("business_date", column_type!(date), "the date in Bangkok that it belongs to"),
                            column("caller", column_type!(text_or_null), "the name of the key that asked"),
                            column("acquirer", column_type!(text_or_null), "whose key that was"),
                            $(column(stringify!($column), column_type!($of), $about),)+
                        ];
                        COLUMNS
                    })+
                }
            }
        }
    };
}

const fn column(
    name: &'static str,
    (of, nullable, is_id): (ColumnType, bool, bool),
    about: &'static str,
) -> Column {
    Column {
        name,
        of,
        nullable,
        is_id,
        about,
    }
}

impl Table {
    /// The table of this name.
    pub fn parse(name: &str) -> Option<Table> {
        Table::ALL.iter().copied().find(|table| table.name() == name)
    }
}

tables! {
    /// Purchases and holds, approved or declined.
    Authorizations "authorizations" {
        kind: text = "purchase or hold";
        txn_id: id = "the switch's id of it";
        wallet_id: id = "the wallet whose entitlement pays";
        merchant_id: id = "the merchant that is paid";
        program: text = "the programme asked for";
        channel: text = "the channel asked for";
        benefit: text_or_null = "the benefit drawn on";
        amount: int = "the whole bill, in satang";
        eligible_amount: int = "the part the state may share, in satang";
        state_amount: int = "the state's part, in satang; 0 on a decline";
        citizen_amount: int = "the citizen's part, in satang; 0 on a decline";
        decision: text = "approved or declined";
        reason: text = "why";
        response_code: text = "ISO 8583 field 39";
        limited_by: text_or_null = "the cap that cut the share";
        tier: text_or_null = "the tier whose caps counted";
        room_day: int_or_null = "room under the daily cap before, in satang";
        room_month: int_or_null = "room under the monthly cap before, in satang";
        room_quarter: int_or_null = "room under the quarterly cap before, in satang";
        room_program: int_or_null = "room under the programme's cap before, in satang";
        rule_version: text_or_null = "BLAKE3 of the programme file that decided";
        household_id: text_or_null = "the household whose room was asked for";
        home_wallet_id: text_or_null = "the wallet whose room was taken, where it is another one";
        funding: text_or_null = "what each source pays of the state's part: a JSON object of satang by source";
        expires_at: instant_or_null = "when the hold ends";
    }
    /// Reversals, captures and voids.
    Returns "returns" {
        kind: text = "reversal, capture or void";
        reversal_id: id_or_null = "the switch's id of a reversal";
        txn_id: id = "the purchase or hold it returns";
        item_date: date_or_null = "the business date of that";
        item_sequence: int_or_null = "the sequence of that";
        wallet_id: id_or_null = "the wallet that paid";
        merchant_id: id_or_null = "the merchant that was paid";
        program: text_or_null = "its programme";
        channel: text_or_null = "its channel";
        benefit: text_or_null = "its benefit";
        cause: text_or_null = "why the switch asked";
        requested_amount: int_or_null = "what was asked back, in satang; none for all that is left";
        state_amount: int = "what the state gets back, in satang";
        citizen_amount: int = "what the citizen gets back, in satang";
        left_amount: int = "what is still not given back, in satang";
        decision: text = "approved or declined";
        reason: text = "why";
        response_code: text = "ISO 8583 field 39";
        tombstone: flag = "whether it came before what it returns";
        funding: text_or_null = "what each source gets back: a JSON object of satang by source";
    }
    /// Citizens' own registrations, accepted or rejected.
    Registrations "registrations" {
        registration_id: id = "the app's id of it";
        program: text = "the programme asked for";
        wallet_id: id = "the wallet the right is to be held through";
        person_id: text_or_null = "a random number that stands for the citizen";
        decision: text = "accepted or rejected";
        reason: text = "why";
        ticket: int_or_null = "the place in the quota, from 1";
        list: text_or_null = "the list that excludes";
        tier: text_or_null = "the tier";
        is_returning: flag = "whether a holder of the earlier programme confirmed";
        usable_from: date_or_null = "the first date it may be used";
        age: int = "complete years on the day";
        nationality: text = "ISO 3166-1 alpha-2";
        rule_version: text_or_null = "BLAKE3 of the programme file that decided";
    }
    /// Rights that came or went otherwise: enrollments, moves, replacements of wallets.
    Rights "rights" {
        kind: text = "enrolled, moved or replaced";
        wallet_id: id = "the wallet the right is, or was, held through";
        new_wallet_id: id_or_null = "the wallet in its place";
        person_id: text = "a random number that stands for the citizen";
        program: text_or_null = "the programme of the right";
        from_program: text_or_null = "the programme that a right was given up in";
        household_id: text_or_null = "the household that shares benefits";
        tier: text_or_null = "the tier";
        usable_from: date_or_null = "the first date it may be used";
        granted: flag = "whether a right begins that was not live before";
        reason: text_or_null = "why, in the operator's words";
    }
    /// Merchants as the register had them from here on.
    Merchants "merchants" {
        merchant_id: id = "its id in the merchant app";
        kind: text = "registered or joined";
        name: text_or_null = "its name";
        category: text_or_null = "its category";
        status: text_or_null = "active or suspended";
        province: text_or_null = "its province";
        programs: text = "its programmes, with commas";
        channels: text = "its channels, with commas";
        is_returning: flag = "whether it took part in the earlier programme";
    }
    /// Where merchants are paid: bank accounts lie here and nowhere else.
    MerchantAccounts "merchant_accounts" {
        merchant_id: id = "whose";
        bank_account: text_or_null = "the account's number";
        account_name: text_or_null = "the account's holder";
    }
    /// Rule versions with their texts, and which of them were in force.
    Rules "rules" {
        kind: text = "version or in_force";
        program: text_or_null = "the programme of a version";
        rule_version: text_or_null = "BLAKE3 of the version's file";
        file_name: text_or_null = "the file's name";
        rule_text: text_or_null = "the file's text";
        in_force: text_or_null = "a JSON object: per programme its versions from the oldest to the newest";
    }
    /// What was stopped, held back or bound, and what goes on.
    Statuses "statuses" {
        subject: text = "wallet, program, merchant, person, merchant_payout, authorization_payout or platform";
        subject_id: text = "which one";
        status: text = "its status from here on";
        platform: text_or_null = "the delivery platform";
        wallets: int_or_null = "how many wallets of a person it reaches";
        reason: text = "why, in the operator's words";
    }
    /// How many citizens were put on lists; never who.
    Lists "lists" {
        list: text = "the list";
        added: int = "citizens put on it in a row, in one group of records";
        last_sequence: int = "the last of those records";
    }
    /// Money that is claimed back.
    Casework "casework" {
        kind: text = "opened, paid, closed, counted or consent_withdrawn";
        case_id: id = "the case";
        debtor: text_or_null = "person or merchant";
        person_id: text_or_null = "a random number that stands for the citizen";
        merchant_id: id_or_null = "the merchant";
        amount: int_or_null = "what is owed or was paid, in satang";
        payment_id: id_or_null = "the payment";
        letter_date: date_or_null = "the date of the letter";
        reason: text_or_null = "why, in the operator's words";
    }
    /// Keys and whose they were.
    Keys "keys" {
        key: text = "the key's name";
        of_acquirer: text_or_null = "whose it is from here on";
    }
    /// Business dates that are over.
    Cutovers "cutovers" {
        date_over: date = "the date";
    }
}
