//! Re-deciding what reads the shards of several workers (I3): who got which right, by registration, enrollment, list, move or a new
//! wallet; and
//! purchases from a household's benefit, or of citizens with rights in several programmes.
//!
//! The thread that reads the journal decides such a record, once the workers are done with the records in front of it. Records of
//! rights come in long runs, the others are few.

use super::compare::{authorization_differences, enrollment_differences, registration_differences};
use super::redecide::{Context, IMPOSSIBLE_HOLD, differ, is_possible_hold, named, take_txn, unread};
use satang_core::authorize::{self, Numbered};
use satang_core::calendar::Instant;
use satang_core::citizen::citizen_shard;
use satang_core::dedup::{registration_shard, txn_shard};
use satang_core::desk::is_casework;
use satang_core::directory::{Directory, Rule};
use satang_core::ids::{Name, PersonId};
use satang_core::outcome::RegistrationReason;
use satang_core::record::{
    AuthorizationRecord, EnrollmentRecord, ListedRecord, Moved, NameNumber, NamedAuthorization, Record,
    RecordBuf, RecordHeader, RecordKind, RegistrationRecord, Replacement,
};
use satang_core::register::{self, Applicant, Verdict};
use satang_core::request::Purchase;
use satang_engine::enroll::{self, Enrolled, Line, rule_for_import};
use satang_engine::moves::{self, MoveLine};
use satang_engine::people::People;
use satang_engine::reach::Reach;
use satang_engine::register::decide;
use satang_engine::replacement::{self, Decided, ReplacementInput};
use satang_log::storage::ReadStorage;
use zerocopy::IntoBytes as _;

/// Whether a record is decided here.
pub fn reads_several_shards(header: &RecordHeader, bytes: &[u8]) -> bool {
    match RecordKind::from_number(header.kind) {
        Some(
            RecordKind::Registration
            | RecordKind::Enrollment
            | RecordKind::Listed
            | RecordKind::Moved
            | RecordKind::Replacement,
        ) => true,
        Some(RecordKind::Authorization) => {
            AuthorizationRecord::view(bytes).is_ok_and(AuthorizationRecord::looked_beyond)
        }
        Some(kind) => is_casework(kind),
        None => false,
    }
}

/// One record, as it lies in the journal.
pub struct At<'b> {
    /// Its header.
    pub header: RecordHeader,
    /// Its bytes.
    pub bytes: &'b [u8],
}

/// Decides a record again and applies it. No worker may be working meanwhile.
///
/// # Errors
/// When what is needed to go on cannot be read.
pub fn take<S: ReadStorage>(context: &Context<S>, at: &At<'_>) -> Result<(), String> {
    match Record::decode(&at.header, at.bytes).map_err(|error| error.to_string())? {
        Record::Registration(record) => take_registration(context, &record, at),
        Record::Enrollment(record) => {
            take_enrollment(context, &record, at);
            Ok(())
        }
        Record::Listed(record) => {
            take_listed(context, &record, at);
            Ok(())
        }
        Record::Authorization(found) => take_authorization(context, &found, at),
        Record::Moved(moved) => {
            take_moved(context, &moved, at);
            Ok(())
        }
        Record::Replacement(replacement) => {
            take_replacement(context, &replacement, at);
            Ok(())
        }
        record => super::desk::take(context, &record, at),
    }
}

pub(super) fn report<S: ReadStorage>(context: &Context<S>, at: &At<'_>, what: String) {
    context.findings.record(at.header.sequence, what);
}

fn take_registration<S: ReadStorage>(
    context: &Context<S>,
    record: &RegistrationRecord,
    at: &At<'_>,
) -> Result<(), String> {
    take_id(context, record, at)?;
    let directory = context.state.directory.read();
    let applicant = Applicant {
        program: record.program(),
        wallet: record.wallet(),
        age: record.age(),
        nationality: record.nationality(),
    };
    let when = at.header.at();
    let rule = match register::check_policy(&directory, &applicant, when) {
        Ok((rule, _)) => rule,
        Err(verdict) => {
            compare_registration(context, record, &verdict, &applicant, None, at);
            return Ok(());
        }
    };
    let Some(person) = record.person() else {
        report(
            context,
            at,
            "it names no person, though the decision depends on it".into(),
        );
        return Ok(());
    };
    count_lapses(context, &directory, rule, when);
    let mut holders = People::lock_one(&context.state, &directory, person, applicant.wallet);
    let verdict = {
        let quotas = context.state.quotas.lock();
        decide(&directory, &applicant, Some(person), &holders, &quotas, when)
    };
    let told = holders.citizens(person).told_full(person, verdict.benefit);
    if verdict.reason == RegistrationReason::QuotaFull && told.is_some() {
        report(
            context,
            at,
            "its person was told so before: it would not have been recorded".into(),
        );
    }
    let decided = compare_registration(context, record, &verdict, &applicant, Some(person), at);
    // What was decided fits what is known, whatever was recorded.
    holders.apply_registration(&decided);
    context.state.quotas.lock().apply_registration(&decided);
    Ok(())
}

/// I5: the id has no outcome yet.
fn take_id<S: ReadStorage>(
    context: &Context<S>,
    record: &RegistrationRecord,
    at: &At<'_>,
) -> Result<(), String> {
    let id = record.registration_id();
    let mut ids = context.state.ids[registration_shard(id)].lock();
    let old = context.old_ids.registrations([id].into_iter()).map_err(unread)?;
    let known = ids
        .registration(id)
        .or(old.found.first().map(|(_, sequence)| *sequence));
    match known {
        Some(sequence) => {
            let first = named(sequence);
            let what = format!("I5: its registration_id has an outcome already, {first}");
            report(context, at, what);
        }
        None => ids.insert_registration(at.header.sequence, id),
    }
    Ok(())
}

/// Reports in what the record differs from what is decided now, which is returned.
fn compare_registration<S: ReadStorage>(
    context: &Context<S>,
    record: &RegistrationRecord,
    verdict: &Verdict,
    applicant: &Applicant,
    person: Option<PersonId>,
    at: &At<'_>,
) -> RegistrationRecord {
    let ticket = context.state.quotas.lock().tickets(verdict.benefit) + 1;
    let mut decided = verdict.record(
        record.registration_id(),
        record.content(),
        applicant,
        person,
        ticket,
        at.header.at(),
    );
    if differ(at.bytes, decided.as_bytes()) {
        report(context, at, registration_differences(record, &decided));
    }
    decided.header.sequence = at.header.sequence;
    decided
}

/// Counts how many rights of the rule's programme lapsed, as the engine did before it granted one.
fn count_lapses<S: ReadStorage>(context: &Context<S>, directory: &Directory, rule: &Rule, at: Instant) {
    let state = &context.state;
    let Some(deadline) = directory.struck(rule.program, at) else {
        return;
    };
    let is_counted = state.quotas.lock().is_counted(rule.entitlement, Some(deadline));
    if !is_counted {
        let count = state.count_lapsed(rule, deadline);
        state.quotas.lock().set_lapsed(rule.entitlement, deadline, count);
    }
}

fn take_enrollment<S: ReadStorage>(context: &Context<S>, record: &EnrollmentRecord, at: &At<'_>) {
    let directory = context.state.directory.read();
    let when = at.header.at();
    let Some(rule) = rule_for_import(&directory, record.program(), when) else {
        return report(context, at, "its programme is not in force".into());
    };
    let line = Line {
        program: record.program(),
        wallet: record.wallet(),
        person: record.person(),
        household: record.household(),
        tier: record.tier(),
        // A returning citizen's date stays only when the line names none.
        usable_from: record.usable_from().filter(|_| !record.returning()),
    };
    count_lapses(context, &directory, rule, when);
    let mut holders = People::lock_one(&context.state, &directory, line.person, line.wallet);
    let mut quotas = context.state.quotas.lock();
    match enroll::decide(&directory, rule, &line, &holders, &quotas, when) {
        Err(refusal) => report(
            context,
            at,
            format!("recorded, though it is to be refused {}", refusal.name()),
        ),
        Ok(Enrolled::Unchanged) => {
            report(
                context,
                at,
                "it changes nothing, and would not have been recorded".into(),
            );
        }
        Ok(Enrolled::Recorded(facts)) => {
            let decided = EnrollmentRecord::new(when, at.header.caller(), &facts);
            if differ(at.bytes, decided.as_bytes()) {
                report(context, at, enrollment_differences(record, &decided));
            }
            holders.apply_enrollment(&decided);
            quotas.apply_enrollment(&decided);
        }
    }
    if line.tier != NameNumber::UNKNOWN && !rule.has_tier(line.tier) {
        report(context, at, "the programme has no such tier".into());
    }
}

fn take_moved<S: ReadStorage>(context: &Context<S>, moved: &Moved, at: &At<'_>) {
    let directory = context.state.directory.read();
    let when = at.header.at();
    let rule = |program| rule_for_import(&directory, program, when);
    let (Some(from), Some(to)) = (rule(moved.from), rule(moved.to)) else {
        return report(context, at, "one of its programmes is not in force".into());
    };
    count_lapses(context, &directory, from, when);
    count_lapses(context, &directory, to, when);
    let line = MoveLine {
        directory: &directory,
        from,
        to,
        wallet: moved.wallet,
        person: moved.person,
        household: moved.household,
        tier: moved.tier,
        usable_from: moved.usable_from,
        reason: moved.reason.clone(),
    };
    let mut holders = People::lock_one(&context.state, &directory, moved.person, moved.wallet);
    let mut quotas = context.state.quotas.lock();
    match moves::decide(&line, &holders, &quotas, when) {
        Err(refusal) => {
            let what = format!("recorded, though it is to be refused {}", refusal.name());
            report(context, at, what);
        }
        Ok(None) => report(
            context,
            at,
            "it changes nothing, and would not have been recorded".into(),
        ),
        Ok(Some(decided)) => {
            if decided != *moved {
                report(context, at, "what is decided now is another move".into());
            }
            holders.apply_moved(&decided);
            quotas.apply_moved(&decided);
        }
    }
    if moved.tier != NameNumber::UNKNOWN && !to.has_tier(moved.tier) {
        report(context, at, "the new programme has no such tier".into());
    }
}

fn take_replacement<S: ReadStorage>(context: &Context<S>, recorded: &Replacement, at: &At<'_>) {
    let directory = context.state.directory.read();
    let person = recorded.person;
    let input = ReplacementInput {
        wallet: recorded.wallet,
        new_wallet: recorded.new_wallet,
        reason: recorded.reason.clone(),
    };
    if input.wallet == input.new_wallet {
        return report(context, at, "its wallets are one".into());
    }
    let mut people = People::lock_two(
        &context.state,
        &directory,
        person,
        [input.wallet, input.new_wallet],
    );
    if people.wallets(input.wallet).person(input.wallet) != Some(person) {
        return report(context, at, "the old wallet is not its person's".into());
    }
    match replacement::decide(&directory, &input, person, &people) {
        Err(refusal) => {
            let what = format!("recorded, though it is to be refused {}", refusal.name());
            report(context, at, what);
        }
        Ok(Decided::Repeats { sequence }) => {
            report(
                context,
                at,
                format!("it repeats the record of sequence {sequence}"),
            );
        }
        Ok(Decided::Recorded(decided)) => {
            if decided != *recorded {
                report(context, at, "what is decided now is another replacement".into());
            }
            people.apply_replacement(&decided, at.header.sequence);
        }
    }
}

/// A purchase that reads more than its wallet's shard.
fn take_authorization<S: ReadStorage>(
    context: &Context<S>,
    found: &NamedAuthorization,
    at: &At<'_>,
) -> Result<(), String> {
    let recorded = &found.record;
    {
        let mut ids = context.state.ids[txn_shard(recorded.txn_id())].lock();
        take_txn(context, &mut ids, recorded, at.header.sequence)?;
    }
    context.tally(recorded);
    let directory = context.state.directory.read();
    let name =
        |number: NameNumber, in_tail: Option<Name>| in_tail.or_else(|| directory.name(number).copied());
    let (Some(program), Some(channel)) = (
        name(recorded.program(), found.program),
        name(recorded.channel(), found.channel),
    ) else {
        report(context, at, "its programme or channel has no name".into());
        return Ok(());
    };
    let purchase = Purchase {
        program,
        wallet: recorded.wallet(),
        merchant: recorded.merchant(),
        channel,
        amount: recorded.amount(),
        eligible: recorded.eligible(),
    };
    let when = at.header.at();
    let numbered = Numbered::new(&directory, &purchase);
    let mut reach = Reach::lock(&context.state, &directory, core::slice::from_ref(&numbered), when);
    let beyond = reach.beyond(&directory, &numbered, when);
    let verdict = authorize::decide(&directory, reach.wallets(&numbered), &beyond, &numbered, when);
    let expires = recorded.extra.expires();
    if !is_possible_hold(recorded) {
        report(context, at, IMPOSSIBLE_HOLD.into());
    }
    let mut decided = verdict.record(recorded.txn_id(), &purchase, when, expires);
    let mut bytes = RecordBuf::EMPTY;
    verdict.encode(&decided, &purchase, &mut bytes);
    if differ(at.bytes, bytes.as_bytes()) {
        report(context, at, authorization_differences(recorded, &decided));
    }
    decided.record.header.sequence = at.header.sequence;
    reach.apply(&decided);
    Ok(())
}

fn take_listed<S: ReadStorage>(context: &Context<S>, record: &ListedRecord, at: &At<'_>) {
    let directory = context.state.directory.read();
    let (person, list) = (record.person(), record.list());
    let mut citizens = context.state.citizens[citizen_shard(person)].lock();
    if directory.name(list).is_none() {
        report(context, at, "the name of its list was never introduced".into());
    }
    if citizens.is_listed(person, list) {
        report(context, at, "its person is on the list already".into());
    }
    let decided = ListedRecord::new(at.header.at(), at.header.caller(), list, person);
    if differ(at.bytes, decided.as_bytes()) {
        report(context, at, "its bytes are not those of what it says".into());
    }
    citizens.apply_listed(record);
}
