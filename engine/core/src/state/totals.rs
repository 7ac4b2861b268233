//! The state's money per programme.

use crate::calendar::BusinessDate;
use crate::record::NameNumber;
use crate::state::export;

/// The state's money in one programme, over the wallets of one shard or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramTotals {
    pub program: NameNumber,
    /// The date of its last approved authorization.
    pub date: BusinessDate,
    /// Satang authorised on that date.
    pub day: u128,
    /// Satang authorised in that date's month.
    pub month: u128,
    /// Satang authorised in all.
    pub all: u128,
    /// Satang given back by reversals.
    pub given_back: u128,
}

impl ProgramTotals {
    pub(crate) fn new(program: NameNumber, date: BusinessDate) -> ProgramTotals {
        ProgramTotals {
            program,
            date,
            day: 0,
            month: 0,
            all: 0,
            given_back: 0,
        }
    }

    /// Closes what was over before `date`.
    pub fn move_to(&mut self, date: BusinessDate) {
        if date > self.date {
            self.day = 0;
            if date.month() != self.date.month() {
                self.month = 0;
            }
            self.date = date;
        }
    }

    /// Adds the totals of another shard.
    pub fn add(&mut self, mut other: ProgramTotals) {
        let date = self.date.max(other.date);
        self.move_to(date);
        other.move_to(date);
        self.day += other.day;
        self.month += other.month;
        self.all += other.all;
        self.given_back += other.given_back;
    }

    /// Appends them to a snapshot.
    pub(crate) fn export(&self, to: &mut Vec<u8>) {
        export::number(to, u64::from(self.program.0));
        export::number(to, self.date.days() as u64);
        for sum in [self.day, self.month, self.all, self.given_back] {
            export::large_number(to, sum);
        }
    }

    /// The totals that [`ProgramTotals::export`] wrote.
    pub(crate) fn import(from: &mut &[u8]) -> Option<ProgramTotals> {
        let program = NameNumber(u16::try_from(export::take_number(from)?).ok()?);
        let date = BusinessDate::from_days(i32::try_from(export::take_number(from)? as i64).ok()?);
        let mut sum = || export::take_large_number(from);
        Some(ProgramTotals {
            program,
            date,
            day: sum()?,
            month: sum()?,
            all: sum()?,
            given_back: sum()?,
        })
    }
}
