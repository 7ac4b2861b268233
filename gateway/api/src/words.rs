//! Texts and words that stand in many answers.

use crate::shape::{text, words};

text! {
    /// A UUID in hyphenated form and in lower case.
    pub UuidAnswered;
    /// Exactly 15 ASCII digits.
    pub FifteenDigits;
    /// 1 to 64 characters of a-z, 0-9 and -. An unknown name is a decline, a malformed one a 400.
    pub Name;
    /// A day in Asia/Bangkok, C.E.
    pub Day;
    /// RFC 3339, to the millisecond, in +07:00.
    pub InstantAnswered;
    /// RFC 3339, to the second, in +07:00.
    pub SecondAnswered;
    /// Half-open: 06:00-23:00 allows 06:00:00.000 and refuses 23:00:00.000. 00:00-24:00 is the whole day.
    pub Hours;
    /// What a merchant sells.
    pub Category;
    /// Whether a merchant, a wallet, a citizen or a programme takes part.
    pub Status;
    /// The period of a cap.
    pub CapPeriod;
    /// Why, in the operator's words. Without control characters.
    pub OperatorReason;
    /// Whether settlement pays. Decisions go on either way.
    pub Payout;
}

words! {
    /// How a purchase, or what follows it, was decided.
    pub enum Decision {
        Approved = "approved",
        Declined = "declined",
    }
    /// How a registration, or what is decided of a right or by the casework, was decided.
    pub enum Verdict {
        Accepted = "accepted",
        Rejected = "rejected",
    }
    /// What became of an approved hold.
    pub enum HoldState {
        Open = "open",
        Captured = "captured",
        Voided = "voided",
        Expired = "expired",
    }
    /// What was done to a purchase.
    pub enum Act {
        Reversal = "reversal",
        Capture = "capture",
        Void = "void",
    }
    /// What was done with a merchant and a platform.
    pub enum BindingAction {
        Bind = "bind",
        Release = "release",
    }
    /// What can be said of the instant at which a quota will be full.
    pub enum ForecastKind {
        Fills = "fills",
        ClosesFirst = "closes_first",
        TooEarly = "too_early",
        NoArrivals = "no_arrivals",
        Full = "full",
        Closed = "closed",
        NoQuota = "no_quota",
    }
}
