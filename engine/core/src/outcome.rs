//! Outcomes: why an authorization or reversal was decided as it was, with its ISO 8583 response code.

use crate::programme::CapPeriod;

/// Why an authorization was decided as it was.
///
/// In order of precedence: the first check that fails is the reason. The numbers stand in journal records and are
/// permanent: never renumbered, never reused (house rule 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Reason {
    /// Paid: the state's part is taken from the entitlement.
    Approved = 0,
    /// A full reversal of this id came first (ISO 8583: the late original of a reversal advice).
    ReversedBeforeArrival = 1,
    /// No programme of that name is in force.
    ProgramUnknown = 2,
    /// The programme is paused by an operator.
    ProgramSuspended = 3,
    /// The merchant was never registered.
    MerchantUnknown = 4,
    /// The merchant is suspended.
    MerchantSuspended = 5,
    /// The merchant takes no part in the programme.
    MerchantNotInProgram = 6,
    /// No benefit of the programme covers the merchant's category.
    CategoryNotAllowed = 7,
    /// The channel is not the benefit's, not the merchant's, or not for the merchant's category.
    ChannelNotAllowed = 8,
    /// The business date lies outside the channel's dates.
    NotInSpendingPeriod = 9,
    /// The time of day lies outside the channel's hours.
    OutsideHours = 10,
    /// No registration, enrollment or status change ever named the wallet.
    WalletUnknown = 11,
    /// The wallet holds no entitlement in the programme.
    NotRegistered = 12,
    /// The wallet is suspended.
    WalletSuspended = 13,
    /// The entitlement counts from a later day.
    NotYetUsable = 14,
    /// The entitlement lapsed unused.
    EntitlementLapsed = 15,
    /// The citizen drew on an exclusive programme on this business date.
    DrawnElsewhereToday = 16,
    /// The state's share of so small a bill floors to nothing.
    AmountTooSmall = 17,
    /// No room is left under the daily cap.
    DailyCapExhausted = 18,
    /// No room is left under the monthly cap.
    MonthlyCapExhausted = 19,
    /// No room is left under the quarterly cap.
    QuarterlyCapExhausted = 20,
    /// No room is left under the cap for the whole programme.
    ProgramCapExhausted = 21,
}

/// What is said of a reason: its name in JSON, ISO 8583 response code, and a sentence in Thai and English.
struct ReasonText {
    name: &'static str,
    code: &'static str,
    th: &'static str,
    en: &'static str,
}

impl Reason {
    /// Every reason, in order of precedence; the index is the number.
    pub const ALL: [Reason; 22] = [
        Reason::Approved,
        Reason::ReversedBeforeArrival,
        Reason::ProgramUnknown,
        Reason::ProgramSuspended,
        Reason::MerchantUnknown,
        Reason::MerchantSuspended,
        Reason::MerchantNotInProgram,
        Reason::CategoryNotAllowed,
        Reason::ChannelNotAllowed,
        Reason::NotInSpendingPeriod,
        Reason::OutsideHours,
        Reason::WalletUnknown,
        Reason::NotRegistered,
        Reason::WalletSuspended,
        Reason::NotYetUsable,
        Reason::EntitlementLapsed,
        Reason::DrawnElsewhereToday,
        Reason::AmountTooSmall,
        Reason::DailyCapExhausted,
        Reason::MonthlyCapExhausted,
        Reason::QuarterlyCapExhausted,
        Reason::ProgramCapExhausted,
    ];

    /// The reason with this number, or `None`.
    pub fn from_number(number: u8) -> Option<Reason> {
        Reason::ALL.get(usize::from(number)).copied()
    }

    /// The reason for an exhausted cap of `period`.
    pub const fn exhausted(period: CapPeriod) -> Reason {
        match period {
            CapPeriod::Day => Reason::DailyCapExhausted,
            CapPeriod::Month => Reason::MonthlyCapExhausted,
            CapPeriod::Quarter => Reason::QuarterlyCapExhausted,
            CapPeriod::Program => Reason::ProgramCapExhausted,
        }
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        self.text().name
    }

    /// The ISO 8583 field 39 response code.
    pub const fn response_code(self) -> &'static str {
        self.text().code
    }

    /// The reason in Thai, for the call centre and the demo.
    pub const fn thai(self) -> &'static str {
        self.text().th
    }

    /// The reason in English.
    pub const fn english(self) -> &'static str {
        self.text().en
    }

    /// Whether the answer shows what is left under each cap: from `approved`, or once the entitlement was found.
    pub const fn shows_remaining(self) -> bool {
        matches!(self, Reason::Approved) || self as u8 >= Reason::WalletSuspended as u8
    }

    const fn text(self) -> ReasonText {
        let (name, code, th, en) = match self {
            Reason::Approved => ("approved", "00", "อนุมัติ", "approved"),
            Reason::ReversedBeforeArrival => (
                "reversed_before_arrival",
                "12",
                "รายการถูกยกเลิกก่อนมาถึง",
                "reversed before it arrived",
            ),
            Reason::ProgramUnknown => ("program_unknown", "58", "ไม่พบโครงการ", "no such programme"),
            Reason::ProgramSuspended => (
                "program_suspended",
                "57",
                "โครงการถูกระงับชั่วคราว",
                "programme paused",
            ),
            Reason::MerchantUnknown => ("merchant_unknown", "03", "ไม่พบร้านค้า", "no such merchant"),
            Reason::MerchantSuspended => ("merchant_suspended", "03", "ร้านค้าถูกระงับ", "merchant suspended"),
            Reason::MerchantNotInProgram => (
                "merchant_not_in_program",
                "58",
                "ร้านค้าไม่ได้เข้าร่วมโครงการ",
                "merchant takes no part in the programme",
            ),
            Reason::CategoryNotAllowed => (
                "category_not_allowed",
                "58",
                "ประเภทร้านค้านี้ใช้สิทธิไม่ได้",
                "not for this kind of merchant",
            ),
            Reason::ChannelNotAllowed => (
                "channel_not_allowed",
                "57",
                "ใช้สิทธิผ่านช่องทางนี้ไม่ได้",
                "not through this channel",
            ),
            Reason::NotInSpendingPeriod => (
                "not_in_spending_period",
                "57",
                "อยู่นอกช่วงวันใช้จ่าย",
                "outside the spending period",
            ),
            Reason::OutsideHours => ("outside_hours", "57", "อยู่นอกเวลาใช้สิทธิ", "outside the hours"),
            Reason::WalletUnknown => ("wallet_unknown", "14", "ไม่พบกระเป๋าเงิน", "no such wallet"),
            Reason::NotRegistered => (
                "not_registered",
                "56",
                "ไม่มีสิทธิในโครงการ",
                "no entitlement in the programme",
            ),
            Reason::WalletSuspended => ("wallet_suspended", "62", "กระเป๋าเงินถูกระงับ", "wallet suspended"),
            Reason::NotYetUsable => (
                "not_yet_usable",
                "57",
                "ยังไม่ถึงวันเริ่มใช้สิทธิ",
                "entitlement not usable yet",
            ),
            Reason::EntitlementLapsed => (
                "entitlement_lapsed",
                "54",
                "สิทธิหมดอายุเพราะไม่ได้ใช้ในกำหนด",
                "entitlement lapsed unused",
            ),
            Reason::DrawnElsewhereToday => (
                "drawn_elsewhere_today",
                "57",
                "วันนี้ใช้สิทธิโครงการอื่นแล้ว",
                "drew on another programme today",
            ),
            Reason::AmountTooSmall => (
                "amount_too_small",
                "13",
                "ยอดเงินน้อยเกินไป",
                "amount too small to share",
            ),
            Reason::DailyCapExhausted => (
                "daily_cap_exhausted",
                "61",
                "ใช้สิทธิครบวงเงินวันนี้แล้ว",
                "daily cap used up",
            ),
            Reason::MonthlyCapExhausted => (
                "monthly_cap_exhausted",
                "61",
                "ใช้สิทธิครบวงเงินเดือนนี้แล้ว",
                "monthly cap used up",
            ),
            Reason::QuarterlyCapExhausted => (
                "quarterly_cap_exhausted",
                "61",
                "ใช้สิทธิครบวงเงินไตรมาสนี้แล้ว",
                "quarterly cap used up",
            ),
            Reason::ProgramCapExhausted => (
                "program_cap_exhausted",
                "61",
                "ใช้สิทธิครบวงเงินทั้งโครงการแล้ว",
                "programme cap used up",
            ),
        };
        ReasonText { name, code, th, en }
    }
}

/// Why a reversal, a capture or a void was decided as it was. The numbers are permanent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ReversalReason {
    Approved = 0,
    /// No such authorization: approved (a tombstone) when all of it was to be given back, declined otherwise.
    OriginalNotFound = 1,
    /// The authorization was declined: there is nothing to give back.
    OriginalDeclined = 2,
    /// Everything was given back before.
    AlreadyReversed = 3,
    /// More than is left.
    ExceedsOriginal = 4,
    /// A part of a hold that is neither captured nor over.
    HoldOpen = 5,
    /// No hold, or one that was captured or voided before.
    HoldClosed = 6,
    /// The hold ended before it was captured or voided.
    HoldExpired = 7,
}

impl ReversalReason {
    /// Every reason; the index is the number.
    pub const ALL: [ReversalReason; 8] = [
        ReversalReason::Approved,
        ReversalReason::OriginalNotFound,
        ReversalReason::OriginalDeclined,
        ReversalReason::AlreadyReversed,
        ReversalReason::ExceedsOriginal,
        ReversalReason::HoldOpen,
        ReversalReason::HoldClosed,
        ReversalReason::HoldExpired,
    ];

    /// The reason with this number, or `None`.
    pub fn from_number(number: u8) -> Option<ReversalReason> {
        ReversalReason::ALL.get(usize::from(number)).copied()
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ReversalReason::Approved => "approved",
            ReversalReason::OriginalNotFound => "original_not_found",
            ReversalReason::OriginalDeclined => "original_declined",
            ReversalReason::AlreadyReversed => "already_reversed",
            ReversalReason::ExceedsOriginal => "exceeds_original",
            ReversalReason::HoldOpen => "hold_open",
            ReversalReason::HoldClosed => "hold_closed",
            ReversalReason::HoldExpired => "hold_expired",
        }
    }

    /// The ISO 8583 field 39 response code of a reversal that was `approved` or not for this reason.
    pub const fn response_code(self, approved: bool) -> &'static str {
        match (approved, self) {
            (true, _) => "00",
            (false, ReversalReason::OriginalNotFound) => "25",
            (false, ReversalReason::ExceedsOriginal) => "13",
            (
                false,
                ReversalReason::Approved
                | ReversalReason::OriginalDeclined
                | ReversalReason::AlreadyReversed
                | ReversalReason::HoldOpen
                | ReversalReason::HoldClosed
                | ReversalReason::HoldExpired,
            ) => "12",
        }
    }
}

/// Why a registration was decided as it was. In order of precedence; the numbers are permanent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum RegistrationReason {
    /// The citizen holds an entitlement from now on.
    Accepted = 0,
    /// No programme of that name is in force.
    ProgramUnknown = 1,
    /// The programme is paused by an operator.
    ProgramSuspended = 2,
    /// The programme has no registration, or not on this date.
    RegistrationClosed = 3,
    /// The time of day lies outside the registration's hours.
    OutsideHours = 4,
    /// Not of Thai nationality.
    NotThai = 5,
    /// Too young on the registration day.
    UnderAge = 6,
    /// On an excluded list, which the record names.
    Excluded = 7,
    /// The citizen holds a live right in the programme.
    AlreadyRegistered = 8,
    /// The wallet belongs to another citizen.
    WalletTaken = 9,
    /// As many live rights as the quota allows.
    QuotaFull = 10,
}

impl RegistrationReason {
    /// Every reason, in order of precedence; the index is the number.
    pub const ALL: [RegistrationReason; 11] = [
        RegistrationReason::Accepted,
        RegistrationReason::ProgramUnknown,
        RegistrationReason::ProgramSuspended,
        RegistrationReason::RegistrationClosed,
        RegistrationReason::OutsideHours,
        RegistrationReason::NotThai,
        RegistrationReason::UnderAge,
        RegistrationReason::Excluded,
        RegistrationReason::AlreadyRegistered,
        RegistrationReason::WalletTaken,
        RegistrationReason::QuotaFull,
    ];

    /// The reason with this number, or `None`.
    pub fn from_number(number: u8) -> Option<RegistrationReason> {
        RegistrationReason::ALL.get(usize::from(number)).copied()
    }

    /// The name in JSON; that of an excluded citizen goes on with `:` and the list.
    pub const fn name(self) -> &'static str {
        match self {
            RegistrationReason::Accepted => "accepted",
            RegistrationReason::ProgramUnknown => "program_unknown",
            RegistrationReason::ProgramSuspended => "program_suspended",
            RegistrationReason::RegistrationClosed => "registration_closed",
            RegistrationReason::OutsideHours => "outside_hours",
            RegistrationReason::NotThai => "not_thai",
            RegistrationReason::UnderAge => "under_age",
            RegistrationReason::Excluded => "excluded",
            RegistrationReason::AlreadyRegistered => "already_registered",
            RegistrationReason::WalletTaken => "wallet_taken",
            RegistrationReason::QuotaFull => "quota_full",
        }
    }
}

/// Why the payment switch reverses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ReversalCause {
    /// The switch got no answer in time: always the whole bill.
    Timeout = 0,
    /// The customer gets money back.
    CustomerRefund = 1,
    /// The merchant keyed in the wrong sale.
    MerchantError = 2,
}

impl ReversalCause {
    /// Every cause; the index is the number.
    pub const ALL: [ReversalCause; 3] = [
        ReversalCause::Timeout,
        ReversalCause::CustomerRefund,
        ReversalCause::MerchantError,
    ];

    /// The cause with this number, or `None`.
    pub fn from_number(number: u8) -> Option<ReversalCause> {
        ReversalCause::ALL.get(usize::from(number)).copied()
    }

    /// The cause of this name in JSON, or `None`.
    pub fn parse(text: &str) -> Option<ReversalCause> {
        ReversalCause::ALL.into_iter().find(|cause| cause.name() == text)
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ReversalCause::Timeout => "timeout",
            ReversalCause::CustomerRefund => "customer_refund",
            ReversalCause::MerchantError => "merchant_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_order_of_precedence() {
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
        for (number, reason) in ReversalReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
        for (number, reason) in RegistrationReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
        for (number, cause) in ReversalCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, number);
        }
    }

    #[test]
    fn remaining_is_shown_exactly_once_the_entitlement_was_found() {
        let shown: Vec<&str> = Reason::ALL
            .into_iter()
            .filter(|r| r.shows_remaining())
            .map(Reason::name)
            .collect();
        assert_eq!(
            shown,
            [
                "approved",
                "wallet_suspended",
                "not_yet_usable",
                "entitlement_lapsed",
                "drawn_elsewhere_today",
                "amount_too_small",
                "daily_cap_exhausted",
                "monthly_cap_exhausted",
                "quarterly_cap_exhausted",
                "program_cap_exhausted"
            ]
        );
    }
}
