//! Outcomes: why an authorization or reversal was decided as it was, with its ISO 8583 response code.

use crate::programme::CapPeriod;

/// A table of reasons: number, name in JSON, ISO 8583 field 39 response code, and a sentence in Thai and in English.
macro_rules! reasons {
    ($(#[$doc:meta])* pub enum $Reason:ident {
        $($(#[$of:meta])* $Word:ident = $number:literal, $name:literal, $code:literal, $th:literal, $en:literal;)+
    }) => {
        crate::words! { $(#[$doc])* pub enum $Reason { $($(#[$of])* $Word = $number, $name;)+ } }

        impl $Reason {
            /// The ISO 8583 field 39 response code.
            pub const fn response_code(self) -> &'static str {
                match self {
                    $($Reason::$Word => $code,)+
                }
            }

            /// The reason in Thai, for the call centre and the demo.
            pub const fn thai(self) -> &'static str {
                match self {
                    $($Reason::$Word => $th,)+
                }
            }

            /// The reason in English.
            pub const fn english(self) -> &'static str {
                match self {
                    $($Reason::$Word => $en,)+
                }
            }
        }
    };
}

reasons! {
    /// Why an authorization was decided as it was.
    ///
    /// In order of precedence: the first check that fails is the reason. The numbers stand in journal records and are
    /// permanent: never renumbered, never reused (house rule 7).
    pub enum Reason {
        /// Paid: the state's part is taken from the entitlement.
        Approved = 0, "approved", "00", "อนุมัติ", "approved";
        /// A full reversal of this id came first (ISO 8583: the late original of a reversal advice).
        ReversedBeforeArrival = 1, "reversed_before_arrival", "12", "รายการถูกยกเลิกก่อนมาถึง", "reversed before it arrived";
        /// No programme of that name is in force.
        ProgramUnknown = 2, "program_unknown", "58", "ไม่พบโครงการ", "no such programme";
        /// The programme is paused by an operator.
        ProgramSuspended = 3, "program_suspended", "57", "โครงการถูกระงับชั่วคราว", "programme paused";
        /// The merchant was never registered.
        MerchantUnknown = 4, "merchant_unknown", "03", "ไม่พบร้านค้า", "no such merchant";
        /// The merchant is suspended.
        MerchantSuspended = 5, "merchant_suspended", "03", "ร้านค้าถูกระงับ", "merchant suspended";
        /// The merchant takes no part in the programme.
        MerchantNotInProgram = 6, "merchant_not_in_program", "58", "ร้านค้าไม่ได้เข้าร่วมโครงการ", "merchant takes no part in the programme";
        /// No benefit of the programme covers the merchant's category.
        CategoryNotAllowed = 7, "category_not_allowed", "58", "ประเภทร้านค้านี้ใช้สิทธิไม่ได้", "not for this kind of merchant";
        /// The channel is not the benefit's, not the merchant's, or not for the merchant's category.
        ChannelNotAllowed = 8, "channel_not_allowed", "57", "ใช้สิทธิผ่านช่องทางนี้ไม่ได้", "not through this channel";
        /// The business date lies outside the channel's dates.
        NotInSpendingPeriod = 9, "not_in_spending_period", "57", "อยู่นอกช่วงวันใช้จ่าย", "outside the spending period";
        /// The time of day lies outside the channel's hours.
        OutsideHours = 10, "outside_hours", "57", "อยู่นอกเวลาใช้สิทธิ", "outside the hours";
        /// No registration, enrollment or status change ever named the wallet.
        WalletUnknown = 11, "wallet_unknown", "14", "ไม่พบกระเป๋าเงิน", "no such wallet";
        /// The wallet holds no entitlement in the programme.
        NotRegistered = 12, "not_registered", "56", "ไม่มีสิทธิในโครงการ", "no entitlement in the programme";
        /// The wallet is suspended.
        WalletSuspended = 13, "wallet_suspended", "62", "กระเป๋าเงินถูกระงับ", "wallet suspended";
        /// The entitlement counts from a later day.
        NotYetUsable = 14, "not_yet_usable", "57", "ยังไม่ถึงวันเริ่มใช้สิทธิ", "entitlement not usable yet";
        /// The entitlement lapsed unused.
        EntitlementLapsed = 15, "entitlement_lapsed", "54", "สิทธิหมดอายุเพราะไม่ได้ใช้ในกำหนด", "entitlement lapsed unused";
        /// The citizen drew on an exclusive programme on this business date.
        DrawnElsewhereToday = 16, "drawn_elsewhere_today", "57", "วันนี้ใช้สิทธิโครงการอื่นแล้ว", "drew on another programme today";
        /// The state's share of so small a bill floors to nothing.
        AmountTooSmall = 17, "amount_too_small", "13", "ยอดเงินน้อยเกินไป", "amount too small to share";
        /// No room is left under the daily cap.
        DailyCapExhausted = 18, "daily_cap_exhausted", "61", "ใช้สิทธิครบวงเงินวันนี้แล้ว", "daily cap used up";
        /// No room is left under the monthly cap.
        MonthlyCapExhausted = 19, "monthly_cap_exhausted", "61", "ใช้สิทธิครบวงเงินเดือนนี้แล้ว", "monthly cap used up";
        /// No room is left under the quarterly cap.
        QuarterlyCapExhausted = 20, "quarterly_cap_exhausted", "61", "ใช้สิทธิครบวงเงินไตรมาสนี้แล้ว", "quarterly cap used up";
        /// No room is left under the cap for the whole programme.
        ProgramCapExhausted = 21, "program_cap_exhausted", "61", "ใช้สิทธิครบวงเงินทั้งโครงการแล้ว", "programme cap used up";
    }
}

impl Reason {
    /// The reason for an exhausted cap of `period`.
    pub const fn exhausted(period: CapPeriod) -> Reason {
        match period {
            CapPeriod::Day => Reason::DailyCapExhausted,
            CapPeriod::Month => Reason::MonthlyCapExhausted,
            CapPeriod::Quarter => Reason::QuarterlyCapExhausted,
            CapPeriod::Program => Reason::ProgramCapExhausted,
        }
    }

    /// Whether the answer shows what is left under each cap: from `approved`, or once the entitlement was found.
    pub const fn shows_remaining(self) -> bool {
        matches!(self, Reason::Approved) || self as u8 >= Reason::WalletSuspended as u8
    }
}

crate::words! {
    /// Why a reversal, a capture or a void was decided as it was. The numbers are permanent.
    pub enum ReversalReason {
        Approved = 0, "approved";
        /// No such authorization: approved (a tombstone) when all of it was to be given back, declined otherwise.
        OriginalNotFound = 1, "original_not_found";
        /// The authorization was declined: there is nothing to give back.
        OriginalDeclined = 2, "original_declined";
        /// Everything was given back before.
        AlreadyReversed = 3, "already_reversed";
        /// More than is left.
        ExceedsOriginal = 4, "exceeds_original";
        /// A part of a hold that is neither captured nor over.
        HoldOpen = 5, "hold_open";
        /// No hold, or one that was captured or voided before.
        HoldClosed = 6, "hold_closed";
        /// The hold ended before it was captured or voided.
        HoldExpired = 7, "hold_expired";
    }
}

impl ReversalReason {
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

crate::words! {
    /// Why a registration was decided as it was. In order of precedence; the numbers are permanent.
    pub enum RegistrationReason {
        /// The citizen holds an entitlement from now on.
        Accepted = 0, "accepted";
        /// No programme of that name is in force.
        ProgramUnknown = 1, "program_unknown";
        /// The programme is paused by an operator.
        ProgramSuspended = 2, "program_suspended";
        /// The programme has no registration, or not on this date.
        RegistrationClosed = 3, "registration_closed";
        /// The time of day lies outside the registration's hours.
        OutsideHours = 4, "outside_hours";
        /// Not of Thai nationality.
        NotThai = 5, "not_thai";
        /// Too young on the registration day.
        UnderAge = 6, "under_age";
        /// On an excluded list, which the record names.
        Excluded = 7, "excluded";
        /// The citizen holds a live right in the programme.
        AlreadyRegistered = 8, "already_registered";
        /// The wallet belongs to another citizen.
        WalletTaken = 9, "wallet_taken";
        /// As many live rights as the quota allows.
        QuotaFull = 10, "quota_full";
    }
}

crate::words! {
    /// Why the payment switch reverses.
    pub enum ReversalCause {
        /// The switch got no answer in time: always the whole bill.
        Timeout = 0, "timeout";
        /// The customer gets money back.
        CustomerRefund = 1, "customer_refund";
        /// The merchant keyed in the wrong sale.
        MerchantError = 2, "merchant_error";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
