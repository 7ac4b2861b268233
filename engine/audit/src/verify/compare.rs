//! Two records of one decision, field by field: what was recorded, and what is decided now.

use super::finding::{Difference, Finding};
use satang_core::record::{Authorization, EnrollmentRecord, RegistrationRecord, ReversalRecord};
use std::fmt::Debug;

/// Collects the fields that differ.
#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn field<T: Debug + PartialEq>(&mut self, field: &'static str, recorded: T, decided: T) {
        if recorded != decided {
            self.0.push(Difference::of(field, recorded, decided));
        }
    }

    fn finish(self) -> Finding {
        match self.0.is_empty() {
            true => Finding::NotCanonical,
            false => Finding::Differs(self.0),
        }
    }
}

/// In what two records of an authorization differ.
pub fn authorization_differences(recorded: &Authorization, decided: &Authorization) -> Finding {
    let mut all = Differences::default();
    all.field("reason", recorded.reason().name(), decided.reason().name());
    all.field("state", recorded.state().get(), decided.state().get());
    let headroom = |record: &Authorization| {
        let headroom = record.rooms_before();
        headroom
            .map(|(period, room)| (period as u8, room.get()))
            .collect::<Vec<(u8, u64)>>()
    };
    all.field("room_before", headroom(recorded), headroom(decided));
    let limited = |record: &Authorization| record.limited_by().map(|period| period as u8);
    all.field("limited_by", limited(recorded), limited(decided));
    all.field(
        "household",
        recorded.extension.household(),
        decided.extension.household(),
    );
    all.field(
        "funding",
        recorded.extension.funding(),
        decided.extension.funding(),
    );
    all.field("looked beyond", recorded.looked_beyond(), decided.looked_beyond());
    all.field("rule", recorded.rule, decided.rule);
    all.field("benefit", recorded.benefit().0, decided.benefit().0);
    all.field("programme", recorded.program().0, decided.program().0);
    all.field("channel", recorded.channel().0, decided.channel().0);
    all.finish()
}

/// In what two records of a reversal differ.
pub fn reversal_differences(recorded: &ReversalRecord, decided: &ReversalRecord) -> Finding {
    let mut all = Differences::default();
    all.field("approved", recorded.approved(), decided.approved());
    all.field("reason", recorded.reason().name(), decided.reason().name());
    all.field("state", recorded.state().get(), decided.state().get());
    all.field("citizen", recorded.citizen().get(), decided.citizen().get());
    all.field("left", recorded.left().get(), decided.left().get());
    all.field("closes", recorded.closes(), decided.closes());
    all.field("funding", recorded.funding(), decided.funding());
    all.field("household", recorded.household(), decided.household());
    all.field("original", recorded.original(), decided.original());
    all.field("previous", recorded.previous(), decided.previous());
    all.field("wallet", recorded.wallet(), decided.wallet());
    all.field("home", recorded.home(), decided.home());
    all.field(
        "original_date",
        recorded.original_date().days(),
        decided.original_date().days(),
    );
    all.field("rule", recorded.rule, decided.rule);
    all.field("benefit", recorded.benefit().0, decided.benefit().0);
    all.field("programme", recorded.program().0, decided.program().0);
    all.finish()
}

/// In what two records of a registration differ.
pub fn registration_differences(recorded: &RegistrationRecord, decided: &RegistrationRecord) -> Finding {
    let mut all = Differences::default();
    all.field("reason", recorded.reason().name(), decided.reason().name());
    all.field("ticket", recorded.ticket(), decided.ticket());
    all.field("list", recorded.list().0, decided.list().0);
    all.field("tier", recorded.tier().0, decided.tier().0);
    all.field("returning", recorded.returning(), decided.returning());
    let day = |record: &RegistrationRecord| record.usable_from().map(|date| date.days());
    all.field("usable_from", day(recorded), day(decided));
    all.field("earlier", recorded.earlier(), decided.earlier());
    all.field("person", recorded.person().is_some(), decided.person().is_some());
    all.field("rule", recorded.rule, decided.rule);
    all.field("benefit", recorded.benefit().0, decided.benefit().0);
    all.finish()
}

/// In what two records of an enrollment differ.
pub fn enrollment_differences(recorded: &EnrollmentRecord, decided: &EnrollmentRecord) -> Finding {
    let mut all = Differences::default();
    all.field("benefit", recorded.benefit().0, decided.benefit().0);
    all.field("granted", recorded.granted(), decided.granted());
    all.field("returning", recorded.returning(), decided.returning());
    all.field("earlier", recorded.earlier(), decided.earlier());
    all.finish()
}
