//! Clawback cases: money that somebody owes, and what came back of it.

use super::Mark;
use crate::calendar::BusinessDate;
use crate::ids::{CaseId, PaymentId};
use crate::money::Satang;
use crate::record::Debtor;

/// Days from the letter until what is claimed back is due (letter C, May 2569: within 30 days).
pub const DUE_DAYS: i32 = 30;
/// The most payments towards one case (I12): answers show all of them.
pub const PAYMENTS_MAX: usize = 100;
/// The most money one case or payment is about: ten trillion baht.
pub const CLAIM_MAX: Satang = Satang::new(1_000_000_000_000_000);

/// Money that is claimed back.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: CaseId,
    pub debtor: Debtor,
    /// Why it is owed.
    pub cause: Cause,
    /// How much; `None` while it is being counted.
    pub owed: Option<Satang>,
    /// The date of the letter that claims it.
    pub letter: BusinessDate,
    /// When, why and by whom it was opened.
    pub opened: Mark,
    /// The sequence of the record that opened it.
    pub sequence: u64,
    /// What came back, in order.
    pub payments: Vec<Payment>,
    /// When, why and by whom it was closed though something is left.
    pub closed: Option<Mark>,
}

crate::words! {
    /// Why money is owed.
    pub enum Cause {
        /// An operator said so.
        Ordered = 0, "ordered";
        /// The merchant withdrew its consent.
        ConsentWithdrawn = 1, "consent_withdrawn";
    }
}

/// Some of what is claimed came back.
#[derive(Clone, Debug)]
pub struct Payment {
    pub id: PaymentId,
    pub amount: Satang,
    /// When, what for and by whom it was recorded.
    pub mark: Mark,
}

crate::words! {
    /// How a case stands.
    pub enum CaseState {
        /// How much is owed is being counted.
        Counting = 0, "counting";
        Open = 1, "open";
        Paid = 2, "paid";
        /// An operator closed it though something is left.
        Closed = 3, "closed";
    }
}

impl CaseState {
    /// Whether the debtor is kept from other programmes.
    pub const fn blocks(self) -> bool {
        match self {
            CaseState::Counting | CaseState::Open => true,
            CaseState::Paid | CaseState::Closed => false,
        }
    }
}

impl Case {
    /// What came back so far.
    pub fn paid(&self) -> Satang {
        let amounts = self.payments.iter().map(|payment| payment.amount.get());
        // More than there is money in only in a journal that nobody could have written.
        Satang::new(amounts.fold(0, u64::saturating_add))
    }

    /// What is owed and did not come back; `None` while it is being counted.
    pub fn left(&self) -> Option<Satang> {
        self.owed.map(|owed| owed.room_after(self.paid()))
    }

    /// Whether something is still claimed.
    pub fn state(&self) -> CaseState {
        match (self.left(), &self.closed) {
            (None, _) => CaseState::Counting,
            (Some(Satang::ZERO), _) => CaseState::Paid,
            (Some(_), Some(_)) => CaseState::Closed,
            (Some(_), None) => CaseState::Open,
        }
    }

    /// The last date on which it is paid in time.
    pub fn due(&self) -> BusinessDate {
        BusinessDate::from_days(self.letter.days() + DUE_DAYS)
    }
}
