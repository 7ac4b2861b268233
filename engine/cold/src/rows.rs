//! From records to rows: what each kind of record says in which table.

use crate::columns::{Columns, Row};
use crate::names::{Names, NamesError, RuleNames};
use crate::tables::Table;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{MerchantId, Name, PersonId, WalletId};
use satang_core::programme::CapPeriod;
use satang_core::record::{
    Authorization, BenefitNumber, Debtor, EnrollmentRecord, Funding, Merchant, NameNumber,
    NamedAuthorization, ProgrammeTransfer, Record, RecordError, RecordHeader, RegistrationRecord, ReturnKind,
    ReversalRecord, RulesInForce,
};
use std::collections::BTreeMap;

/// Rows by table, of one business date.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub tables: BTreeMap<Table, Columns>,
}

impl Rows {
    /// The rows of one table.
    pub fn of(&mut self, table: Table) -> &mut Columns {
        self.tables.entry(table).or_insert_with(|| Columns::new(table))
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        self.tables.values().map(Columns::bytes).sum()
    }
}

/// The date that a record's rows belong to: its own, and the one that is over of a cut-over.
pub fn date_of(header: &RecordHeader, record: &Record) -> BusinessDate {
    match record {
        Record::CutOver(over) => over.date(),
        _ => header.at().business_date(),
    }
}

/// Why a record has no rows.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The bytes are no record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It fits nothing before it.
    #[error("record {sequence}: {source}")]
    Unfit { sequence: u64, source: NamesError },
}

/// Writes rows of records, which it is given in order.
pub struct RowWriter<'n> {
    pub names: &'n mut Names,
}

/// Citizens put on one list in a row, in one frame.
#[derive(Clone, Copy)]
pub struct ListRun {
    pub first: RecordHeader,
    list: NameNumber,
    added: i64,
    last_sequence: u64,
}

impl RowWriter<'_> {
    /// Learns from a record, and writes its rows. A citizen on a list continues `run`, or begins another one.
    ///
    /// # Errors
    /// [`RowError::Unfit`] for a record that no engine can have written.
    pub fn write(
        &mut self,
        header: &RecordHeader,
        record: &Record,
        rows: &mut Rows,
        run: &mut Option<ListRun>,
    ) -> Result<(), RowError> {
        let listed = match record {
            Record::Listed(listed) => Some((listed.list(), 1)),
            Record::ListImported(imported) => Some((imported.list, 0)),
            _ => None,
        };
        let continues = run.as_ref().is_some_and(|run| {
            listed.is_some_and(|(list, _)| list == run.list) && run.first.caller() == header.caller()
        });
        if !continues {
            self.end_run(run, rows);
        }
        if let Some((list, added)) = listed {
            let run = run.get_or_insert(ListRun {
                first: *header,
                list,
                added: 0,
                last_sequence: header.sequence,
            });
            run.added += added;
            run.last_sequence = header.sequence;
            return Ok(());
        }
        let learnt = self.names.learn(record);
        learnt.map_err(|source| RowError::Unfit {
            sequence: header.sequence,
            source,
        })?;
        self.row_of(header, record, rows);
        Ok(())
    }

    /// Writes the row of citizens put on a list.
    pub fn end_run(&self, run: &mut Option<ListRun>, rows: &mut Rows) {
        if let Some(run) = run.take() {
            let date = run.first.at().business_date();
            let list = self.names.name(run.list).unwrap_or("");
            self.common(rows.of(Table::Lists), &run.first, date)
                .text(list)
                .int(run.added)
                .int(run.last_sequence as i64);
        }
    }

    fn common<'c>(&self, columns: &'c mut Columns, header: &RecordHeader, date: BusinessDate) -> Row<'c> {
        let caller = header.caller();
        let mut row = columns.row();
        row.int(header.sequence as i64)
            .instant(header.at())
            .date(date)
            .text(self.names.name(caller))
            .text(self.names.acquirer(caller));
        row
    }

    fn row_of(&self, header: &RecordHeader, record: &Record, rows: &mut Rows) {
        let date = date_of(header, record);
        let Some(table) = table_of(record) else {
            return;
        };
        self.fill(record, &mut self.common(rows.of(table), header, date));
        if let Record::Merchant(merchant) = record
            && (merchant.bank_account.is_some() || merchant.account_name.is_some())
        {
            self.common(rows.of(Table::MerchantAccounts), header, date)
                .merchant(merchant.id)
                .text(merchant.bank_account.as_deref())
                .text(merchant.account_name.as_deref());
        }
    }

    /// Writes what a record says behind the columns that every table begins with.
    fn fill(&self, record: &Record, row: &mut Row<'_>) {
        match record {
            Record::Authorization(authorization) => self.authorization(row, authorization),
            Record::Reversal(returned) | Record::Capture(returned) | Record::Void(returned) => {
                self.returned(row, returned);
            }
            Record::CutOver(over) => drop(row.date(over.date())),
            Record::Registration(registration) => self.registration(row, registration),
            Record::Enrollment(enrollment) => self.enrollment(row, enrollment),
            Record::ProgrammeTransfer(moved) => self.moved(row, moved),
            Record::Replacement(replaced) => {
                row.text("replaced")
                    .wallet(replaced.wallet)
                    .wallet(replaced.new_wallet);
                row.person(Some(replaced.person))
                    .text(None)
                    .text(None)
                    .text(None)
                    .text(None);
                row.date(None).flag(false).text(replaced.reason.as_str());
            }
            Record::Merchant(merchant) => self.merchant(row, merchant),
            Record::MerchantJoined(joined) => {
                row.merchant(joined.merchant).text("joined");
                row.text(None).text(None).text(None).text(None);
                row.text(self.names.name(joined.program).unwrap_or(""))
                    .text("")
                    .flag(joined.returning);
            }
            Record::RuleVersion(version) => {
                let hash = self.names.rule(version.number).map(|rule| rule.hash.as_str());
                row.text("version")
                    .text(self.names.name(version.program))
                    .text(hash);
                row.text(version.file.as_str())
                    .text(version.text.as_str())
                    .text(None);
            }
            Record::RulesInForce(in_force) => {
                row.text("in_force").text(None).text(None).text(None).text(None);
                row.text(self.in_force(in_force).as_str());
            }
            Record::KeyAcquirer(key) => {
                row.text(self.names.name(key.key).unwrap_or(""))
                    .text(self.names.name(key.acquirer));
            }
            desk => self.desk(desk, row),
        }
    }

    /// What the desk does: statuses and cases.
    fn desk(&self, record: &Record, row: &mut Row<'_>) {
        match record {
            Record::WalletStatus(s) => status(row, "wallet", s.wallet, s.status.name(), &s.reason),
            Record::ProgramStatus(s) => {
                let program = self.names.name(s.program).unwrap_or("");
                status(row, "program", program, s.status.name(), &s.reason);
            }
            Record::MerchantStatus(s) => status(row, "merchant", s.merchant, s.status.name(), &s.reason),
            Record::MerchantPayout(s) => {
                status(row, "merchant_payout", s.merchant, s.payout.name(), &s.reason);
            }
            Record::AuthorizationPayout(s) => {
                status(row, "authorization_payout", s.txn_id, s.payout.name(), &s.reason);
            }
            Record::PersonStatus(s) => {
                person_status(row, s.person, s.status.name(), s.wallets.len(), &s.reason);
            }
            Record::Erased(s) => person_status(row, s.person, "erased", s.wallets.len(), &s.reason),
            Record::PlatformBinding(s) => {
                row.text("platform").display(Some(s.merchant));
                row.text(if s.bound { "bound" } else { "released" });
                row.text(self.names.name(s.platform))
                    .int(None)
                    .text(s.reason.as_str());
            }
            case => casework(case, row),
        }
    }

    fn moved(&self, row: &mut Row<'_>, moved: &ProgrammeTransfer) {
        row.text("moved")
            .wallet(moved.wallet)
            .text(None)
            .person(Some(moved.person))
            .text(self.names.name(moved.to))
            .text(self.names.name(moved.from))
            .display(moved.household)
            .text(self.names.name(moved.tier))
            .date(moved.usable_from)
            .flag(true)
            .text(moved.reason.as_str());
    }

    fn authorization(&self, row: &mut Row<'_>, authorization: &NamedAuthorization) {
        let NamedAuthorization {
            record: Authorization { record, extension },
            program,
            channel,
        } = authorization;
        let rule = self.names.rule(record.rule);
        let named = |number, tail: &Option<Name>| match tail {
            Some(name) => name.to_string(),
            None => self.names.name(number).unwrap_or("").to_owned(),
        };
        let hold = extension.expires().is_some();
        let approved = record.approved();
        let mut rooms = [None; CapPeriod::ALL.len()];
        for (period, room) in record.rooms_before() {
            rooms[period as usize] = Some(room.get() as i64);
        }
        row.text(if hold { "hold" } else { "purchase" })
            .uuid(record.txn_id().ascii())
            .wallet(record.wallet())
            .merchant(record.merchant())
            .text(named(record.program(), program).as_str())
            .text(named(record.channel(), channel).as_str())
            .text(self.names.benefit(record.benefit()))
            .int(record.amount().get() as i64)
            .int(record.eligible().get() as i64)
            .int(record.state().get() as i64)
            .int(record.citizen().get() as i64)
            .text(if approved { "approved" } else { "declined" })
            .text(record.reason().name())
            .text(record.reason().response_code())
            .text(record.limited_by().map(CapPeriod::name))
            .text(record.tier_index().and_then(|tier| rule?.tier(tier)));
        for room in rooms {
            row.int(room);
        }
        row.text(rule.map(|rule| rule.hash.as_str()))
            .display(extension.household())
            .display(extension.home())
            .text(funding(extension.funding(), rule, record.benefit()).as_deref())
            .instant(extension.expires());
    }

    fn returned(&self, row: &mut Row<'_>, returned: &ReversalRecord) {
        let act = returned.act();
        let of_item = returned.original();
        let approved = returned.approved();
        let reversal = act == ReturnKind::Reversal;
        let rule = self.names.rule(returned.rule);
        row.text(match act {
            ReturnKind::Reversal => "reversal",
            ReturnKind::Capture => "capture",
            ReturnKind::Void => "void",
        })
        .display(reversal.then(|| returned.reversal_id()))
        .uuid(returned.txn_id().ascii())
        .date(of_item.map(|_| returned.original_date()))
        .int(of_item.map(|sequence| sequence as i64))
        .display(of_item.map(|_| returned.wallet()))
        .display(of_item.map(|_| returned.merchant()))
        .text(of_item.and_then(|_| self.names.name(returned.program())))
        .text(of_item.and_then(|_| self.names.name(returned.channel())))
        .text(of_item.and_then(|_| self.names.benefit(returned.benefit())))
        .text(reversal.then(|| returned.cause().name()))
        .int(returned.requested().map(|requested| requested.get() as i64))
        .int(returned.state().get() as i64)
        .int(returned.citizen().get() as i64)
        .int(returned.left().get() as i64)
        .text(if approved { "approved" } else { "declined" })
        .text(returned.reason().name())
        .text(returned.reason().response_code(approved))
        .flag(returned.is_tombstone())
        .text(funding(returned.funding(), rule, returned.benefit()).as_deref());
    }

    fn registration(&self, row: &mut Row<'_>, registration: &RegistrationRecord) {
        let rule = self.names.rule(registration.rule);
        let accepted = registration.accepted();
        row.uuid(registration.registration_id().ascii())
            .text(self.names.name(registration.program()).unwrap_or(""))
            .wallet(registration.wallet())
            .person(registration.person())
            .text(if accepted { "accepted" } else { "rejected" })
            .text(registration.reason().name())
            .int(registration.ticket().map(|ticket| ticket as i64))
            .text(self.names.name(registration.list()))
            .text(self.names.name(registration.tier()))
            .flag(registration.returning())
            .date(registration.usable_from())
            .int(i64::from(registration.age()));
        let letters = registration.nationality().letters();
        row.text(core::str::from_utf8(&letters).expect("two capital letters"))
            .text(rule.map(|rule| rule.hash.as_str()));
    }

    fn enrollment(&self, row: &mut Row<'_>, enrollment: &EnrollmentRecord) {
        row.text("enrolled")
            .wallet(enrollment.wallet())
            .text(None)
            .person(Some(enrollment.person()))
            .text(self.names.name(enrollment.program()))
            .text(None)
            .display(enrollment.household())
            .text(self.names.name(enrollment.tier()))
            .date(enrollment.usable_from())
            .flag(enrollment.granted())
            .text(None);
    }

    fn merchant(&self, row: &mut Row<'_>, merchant: &Merchant) {
        let listed = |numbers: &[NameNumber]| {
            let names = numbers.iter().filter_map(|number| self.names.name(*number));
            names.collect::<Vec<&str>>().join(",")
        };
        row.merchant(merchant.id)
            .text("registered")
            .text(merchant.name.as_str())
            .text(merchant.category.name())
            .text(merchant.status.name())
            .text(merchant.province.as_deref())
            .text(listed(&merchant.programs).as_str())
            .text(listed(&merchant.channels).as_str())
            .flag(false);
    }

    fn in_force(&self, in_force: &RulesInForce) -> String {
        let hash = |number: &u32| self.names.rule(*number).map(|rule| rule.hash.as_str());
        let versions: BTreeMap<&str, Vec<Option<&str>>> = in_force
            .programs
            .iter()
            .map(|(program, versions)| {
                let program = self.names.name(*program).unwrap_or("");
                (program, versions.iter().map(hash).collect())
            })
            .collect();
        serde_json::to_string(&versions).expect("names and hashes are JSON")
    }
}

/// The table that a record is a row of; `None` for names, and for citizens on lists, who are only counted.
fn table_of(record: &Record) -> Option<Table> {
    match record {
        Record::Authorization(_) => Some(Table::Authorizations),
        Record::Reversal(_) | Record::Capture(_) | Record::Void(_) => Some(Table::Returns),
        Record::CutOver(_) => Some(Table::Cutovers),
        Record::Registration(_) => Some(Table::Registrations),
        Record::Enrollment(_) | Record::ProgrammeTransfer(_) | Record::Replacement(_) => Some(Table::Rights),
        Record::Merchant(_) | Record::MerchantJoined(_) => Some(Table::Merchants),
        Record::RuleVersion(_) | Record::RulesInForce(_) => Some(Table::Rules),
        Record::KeyAcquirer(_) => Some(Table::Keys),
        Record::Name(_) | Record::Listed(_) | Record::ListImported(_) => None,
        Record::WalletStatus(_)
        | Record::ProgramStatus(_)
        | Record::MerchantStatus(_)
        | Record::PersonStatus(_)
        | Record::Erased(_)
        | Record::MerchantPayout(_)
        | Record::AuthorizationPayout(_)
        | Record::PlatformBinding(_) => Some(Table::Statuses),
        Record::CaseOpened(_)
        | Record::CasePaid(_)
        | Record::CaseClosed(_)
        | Record::CaseCounted(_)
        | Record::ConsentWithdrawn(_) => Some(Table::Casework),
    }
}

fn status(row: &mut Row<'_>, subject: &str, id: impl std::fmt::Display, status: &str, reason: &str) {
    row.text(subject)
        .display(Some(id))
        .text(status)
        .text(None)
        .int(None)
        .text(reason);
}

fn person_status(row: &mut Row<'_>, person: PersonId, status: &str, wallets: usize, reason: &str) {
    row.text("person")
        .display(Some(person.number()))
        .text(status)
        .text(None)
        .int(wallets as i64)
        .text(reason);
}

fn casework(record: &Record, row: &mut Row<'_>) {
    let mut case = |kind: &str, id, debtor: Option<Debtor>, amount, payment, letter, reason: Option<&str>| {
        let (word, person, merchant) = match debtor {
            Some(Debtor::Person(person)) => (Some("person"), Some(person), None),
            Some(Debtor::Merchant(merchant)) => (Some("merchant"), None, Some(merchant)),
            None => (None, None, None),
        };
        let amount: Option<satang_core::money::Satang> = amount;
        let payment: Option<satang_core::ids::PaymentId> = payment;
        let letter: Option<BusinessDate> = letter;
        let id: satang_core::ids::CaseId = id;
        row.text(kind)
            .uuid(id.ascii())
            .text(word)
            .person(person)
            .display(merchant)
            .int(amount.map(|amount| amount.get() as i64))
            .display(payment)
            .date(letter)
            .text(reason);
    };
    match record {
        Record::CaseOpened(c) => {
            let debtor = Some(c.debtor);
            case(
                "opened",
                c.case,
                debtor,
                Some(c.owed),
                None,
                Some(c.letter),
                Some(&c.reason),
            );
        }
        Record::CasePaid(c) => {
            case(
                "paid",
                c.case,
                None,
                Some(c.amount),
                Some(c.payment),
                None,
                Some(&c.reason),
            );
        }
        Record::CaseClosed(c) => case("closed", c.case, None, None, None, None, Some(&c.reason)),
        Record::CaseCounted(c) => case("counted", c.case, None, Some(c.owed), None, None, None),
        Record::ConsentWithdrawn(c) => {
            let debtor = Some(Debtor::Merchant(c.merchant));
            case(
                "consent_withdrawn",
                c.case,
                debtor,
                None,
                None,
                Some(c.letter),
                Some(&c.reason),
            );
        }
        other => unreachable!("{} has rows elsewhere", other.kind().name()),
    }
}

/// What each source pays or gets back, as a JSON object.
fn funding(funding: Option<Funding>, rule: Option<&RuleNames>, benefit: BenefitNumber) -> Option<String> {
    let (funding, sources) = (funding?, rule?.sources(benefit));
    let named: serde_json::Map<String, serde_json::Value> = sources
        .iter()
        .zip(funding.amounts())
        .map(|(source, paid)| (source.clone(), (*paid).into()))
        .collect();
    Some(serde_json::Value::Object(named).to_string())
}

impl Row<'_> {
    fn wallet(&mut self, wallet: WalletId) -> &mut Self {
        self.digits(wallet.number())
    }

    fn merchant(&mut self, merchant: MerchantId) -> &mut Self {
        self.digits(merchant.number())
    }

    /// Fifteen digits.
    fn digits(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [b'0'; 15];
        for digit in digits.iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
        self.text(core::str::from_utf8(&digits).expect("digits are ASCII"))
    }

    fn uuid(&mut self, ascii: [u8; 36]) -> &mut Self {
        self.text(core::str::from_utf8(&ascii).expect("hexadecimal digits are ASCII"))
    }

    fn person(&mut self, person: Option<PersonId>) -> &mut Self {
        self.display(person.map(PersonId::number))
    }
}
