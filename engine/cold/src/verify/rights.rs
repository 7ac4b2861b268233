//! Re-deciding what reads the shards of several workers (I3): who got which right, by registration, enrollment, list, move or a new
//! wallet; and purchases from a household's benefit, or of citizens with rights in several programmes.
//!
//! The thread that reads the journal decides such a record, once the workers are done with the records in front of it. Records of
//! rights come in long runs, the others are few.

use super::checked::Whole;
use super::compare::{
    NOT_CANONICAL, authorization_differences, enrollment_differences, registration_differences,
};
use super::redecide::{Context, Halt, IMPOSSIBLE_HOLD, differ, is_new_txn, is_possible_hold, named};
use satang_core::apply::{
    apply_authorization, apply_enrollment, apply_listed, apply_moved, apply_registration, apply_replacement,
};
use satang_core::authorize::{self, Numbered};
use satang_core::calendar::Instant;
use satang_core::citizen::citizen_shard;
use satang_core::dedup::{registration_shard, txn_shard};
use satang_core::directory::{Directory, Rule};
use satang_core::ids::{Name, PersonId};
use satang_core::outcome::RegistrationReason;
use satang_core::record::{
    Authorization, AuthorizationRecord, EnrollmentRecord, ListedRecord, Moved, NameNumber,
    NamedAuthorization, Record, RecordBuf, RecordHeader, RecordKind, RegistrationRecord, Replacement,
};
use satang_core::register::{self, Applicant, Verdict};
use satang_core::request::Purchase;
use satang_engine::enroll::{self, Enrolled, Line};
use satang_engine::moves::{self, MoveLine};
use satang_engine::people::People;
use satang_engine::reach::Reach;
use satang_engine::register::decide;
use satang_engine::replacement::{self, Decided, ReplacementInput};
use satang_log::storage::ReadStorage;
use zerocopy::IntoBytes as _;

/// Whether a record is decided here.
pub fn reads_several_shards(header: &RecordHeader, bytes: &[u8]) -> bool {
    let Some(kind) = RecordKind::from_number(header.kind) else {
        return false;
    };
    match kind {
        RecordKind::Authorization => {
            AuthorizationRecord::view(bytes).is_ok_and(AuthorizationRecord::looked_beyond)
        }
        RecordKind::Registration
        | RecordKind::Enrollment
        | RecordKind::Listed
        | RecordKind::Moved
        | RecordKind::Replacement
        | RecordKind::MerchantStatus
        | RecordKind::MerchantJoined
        | RecordKind::PlatformBinding
        | RecordKind::MerchantPayout
        | RecordKind::AuthorizationPayout
        | RecordKind::PersonStatus
        | RecordKind::CaseOpened
        | RecordKind::CasePaid
        | RecordKind::CaseClosed
        | RecordKind::CaseCounted
        | RecordKind::ConsentWithdrawn
        | RecordKind::Erased => true,
        RecordKind::Reversal
        | RecordKind::Capture
        | RecordKind::Void
        | RecordKind::CutOver
        | RecordKind::WalletStatus
        | RecordKind::Name
        | RecordKind::RuleVersion
        | RecordKind::RulesInForce
        | RecordKind::Merchant
        | RecordKind::ProgramStatus => false,
    }
}

/// One record, as it lies in the journal.
pub struct At<'b> {
    pub header: RecordHeader,
    /// Its bytes.
    pub bytes: &'b [u8],
}

/// Decides a record again and applies it. No worker may be working meanwhile.
///
/// # Errors
/// When what is needed to go on cannot be read.
pub fn take<S: ReadStorage>(context: &Context<S>, at: &At<'_>) -> Result<(), Halt> {
    let (sequence, whole) = (at.header.sequence, &mut Whole::of(&context.state));
    match Record::decode(&at.header, at.bytes)? {
        Record::Registration(record) => take_registration(context, &record, at)?,
        Record::Authorization(found) => take_authorization(context, &found, at)?,
        Record::Enrollment(record) => {
            if let Some(decided) = redecide_enrollment(context, &record, at) {
                apply_enrollment(&decided, whole);
            }
        }
        Record::Listed(record) => {
            check_listed(context, &record, at);
            apply_listed(&record, whole);
        }
        Record::Moved(moved) => {
            if let Some(decided) = redecide_moved(context, &moved, at) {
                apply_moved(&decided, whole)?;
            }
        }
        Record::Replacement(replacement) => {
            if let Some(decided) = redecide_replacement(context, &replacement, at) {
                apply_replacement(&decided, sequence, whole);
            }
        }
        record => super::desk::take(context, &record, at)?,
    }
    Ok(())
}

pub(super) fn report<S: ReadStorage>(context: &Context<S>, at: &At<'_>, what: String) {
    context.findings.record(at.header.sequence, what);
}

pub(super) fn report_refused<S: ReadStorage>(context: &Context<S>, at: &At<'_>, refusal: &str) {
    let what = format!("recorded, though it is to be refused {refusal}");
    report(context, at, what);
}

/// What is said of a record that nobody needed.
pub(super) const UNCHANGED: &str = "it changes nothing, and would not have been recorded";

fn take_registration<S: ReadStorage>(
    context: &Context<S>,
    record: &RegistrationRecord,
    at: &At<'_>,
) -> Result<(), Halt> {
    let id_is_new = is_new_registration(context, record, at)?;
    let decided = redecide_registration(context, record, at);
    let mut shards = Whole {
        state: &context.state,
        id_is_new,
        decided: decided.is_some(),
    };
    // What was decided fits what is known, whatever was recorded.
    let applied = decided.as_ref().unwrap_or(record);
    Ok(apply_registration(applied, at.header.sequence, &mut shards)?)
}

/// Decides a registration again; `None` when that is not possible.
fn redecide_registration<S: ReadStorage>(
    context: &Context<S>,
    record: &RegistrationRecord,
    at: &At<'_>,
) -> Option<RegistrationRecord> {
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
            return Some(compare_registration(
                context, record, &verdict, &applicant, None, at,
            ));
        }
    };
    let Some(person) = record.person() else {
        report(
            context,
            at,
            "it names no person, though the decision depends on it".into(),
        );
        return None;
    };
    count_lapses(context, &directory, rule, when);
    let holders = People::lock_one(&context.state, &directory, person, applicant.wallet);
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
    let person = Some(person);
    Some(compare_registration(
        context, record, &verdict, &applicant, person, at,
    ))
}

/// I5: whether the id has no outcome yet.
fn is_new_registration<S: ReadStorage>(
    context: &Context<S>,
    record: &RegistrationRecord,
    at: &At<'_>,
) -> Result<bool, Halt> {
    let id = record.registration_id();
    let in_memory = context.state.ids[registration_shard(id)].lock().registration(id);
    let old = context.old_ids.registrations([id].into_iter())?;
    let known = in_memory.or(old.found.first().map(|(_, sequence)| *sequence));
    if let Some(sequence) = known {
        let first = named(sequence);
        let what = format!("I5: its registration_id has an outcome already, {first}");
        report(context, at, what);
    }
    Ok(known.is_none())
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

/// Decides an enrollment again; `None` when it would not have been recorded.
fn redecide_enrollment<S: ReadStorage>(
    context: &Context<S>,
    record: &EnrollmentRecord,
    at: &At<'_>,
) -> Option<EnrollmentRecord> {
    let directory = context.state.directory.read();
    let when = at.header.at();
    let Some(rule) = directory.rule_on_or_first(record.program(), when.business_date()) else {
        report(context, at, "its programme is not in force".into());
        return None;
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
    if line.tier != NameNumber::UNKNOWN && !rule.has_tier(line.tier) {
        report(context, at, "the programme has no such tier".into());
    }
    let holders = People::lock_one(&context.state, &directory, line.person, line.wallet);
    let quotas = context.state.quotas.lock();
    match enroll::decide(&directory, rule, &line, &holders, &quotas, when) {
        Err(refusal) => report_refused(context, at, refusal.name()),
        Ok(Enrolled::Unchanged) => report(context, at, UNCHANGED.into()),
        Ok(Enrolled::Recorded(facts)) => {
            let decided = EnrollmentRecord::new(when, at.header.caller(), &facts);
            if differ(at.bytes, decided.as_bytes()) {
                report(context, at, enrollment_differences(record, &decided));
            }
            return Some(decided);
        }
    }
    None
}

/// Decides a move again; `None` when it would not have been recorded.
fn redecide_moved<S: ReadStorage>(context: &Context<S>, moved: &Moved, at: &At<'_>) -> Option<Moved> {
    let directory = context.state.directory.read();
    let when = at.header.at();
    let rule = |program| directory.rule_on_or_first(program, when.business_date());
    let (Some(from), Some(to)) = (rule(moved.from), rule(moved.to)) else {
        report(context, at, "one of its programmes is not in force".into());
        return None;
    };
    if moved.tier != NameNumber::UNKNOWN && !to.has_tier(moved.tier) {
        report(context, at, "the new programme has no such tier".into());
    }
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
    let holders = People::lock_one(&context.state, &directory, moved.person, moved.wallet);
    let quotas = context.state.quotas.lock();
    match moves::decide(&line, &holders, &quotas, when) {
        Err(refusal) => report_refused(context, at, refusal.name()),
        Ok(None) => report(context, at, UNCHANGED.into()),
        Ok(Some(decided)) => {
            if decided != *moved {
                report(context, at, "what is decided now is another move".into());
            }
            return Some(decided);
        }
    }
    None
}

/// Decides a replacement again; `None` when it would not have been recorded.
fn redecide_replacement<S: ReadStorage>(
    context: &Context<S>,
    recorded: &Replacement,
    at: &At<'_>,
) -> Option<Replacement> {
    let directory = context.state.directory.read();
    let person = recorded.person;
    let input = ReplacementInput {
        wallet: recorded.wallet,
        new_wallet: recorded.new_wallet,
        reason: recorded.reason.clone(),
    };
    if input.wallet == input.new_wallet {
        report(context, at, "its wallets are one".into());
        return None;
    }
    let wallets = [input.wallet, input.new_wallet];
    let people = People::lock_two(&context.state, &directory, person, wallets);
    if people.wallets(input.wallet).person(input.wallet) != Some(person) {
        report(context, at, "the old wallet is not its person's".into());
        return None;
    }
    match replacement::decide(&directory, &input, person, &people) {
        Err(refusal) => report_refused(context, at, refusal.name()),
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
            return Some(decided);
        }
    }
    None
}

/// A purchase that reads more than its wallet's shard.
fn take_authorization<S: ReadStorage>(
    context: &Context<S>,
    found: &NamedAuthorization,
    at: &At<'_>,
) -> Result<(), Halt> {
    let (recorded, sequence) = (&found.record, at.header.sequence);
    let id_is_new = {
        let ids = context.state.ids[txn_shard(recorded.txn_id())].lock();
        is_new_txn(context, &ids, recorded, sequence)?
    };
    context.tally(recorded);
    let decided = redecide_authorization(context, found, at);
    let mut shards = Whole {
        state: &context.state,
        id_is_new,
        decided: decided.is_some(),
    };
    apply_authorization(decided.as_ref().unwrap_or(recorded), sequence, &mut shards);
    Ok(())
}

/// Decides a purchase again; `None` when that is not possible.
fn redecide_authorization<S: ReadStorage>(
    context: &Context<S>,
    found: &NamedAuthorization,
    at: &At<'_>,
) -> Option<Authorization> {
    let recorded = &found.record;
    let directory = context.state.directory.read();
    let name =
        |number: NameNumber, in_tail: Option<Name>| in_tail.or_else(|| directory.name(number).copied());
    let (Some(program), Some(channel)) = (
        name(recorded.program(), found.program),
        name(recorded.channel(), found.channel),
    ) else {
        report(context, at, "its programme or channel has no name".into());
        return None;
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
    let reach = Reach::lock(&context.state, &directory, core::slice::from_ref(&numbered), when);
    let beyond = reach.beyond(&directory, &numbered, when);
    let verdict = authorize::decide(&directory, reach.wallets(&numbered), &beyond, &numbered, when);
    let expires = recorded.extra.expires();
    if !is_possible_hold(recorded) {
        report(context, at, IMPOSSIBLE_HOLD.into());
    }
    let decided = verdict.record(recorded.txn_id(), &purchase, when, expires);
    let mut bytes = RecordBuf::EMPTY;
    verdict.encode(&decided, &purchase, &mut bytes);
    if differ(at.bytes, bytes.as_bytes()) {
        report(context, at, authorization_differences(recorded, &decided));
    }
    Some(decided)
}

fn check_listed<S: ReadStorage>(context: &Context<S>, record: &ListedRecord, at: &At<'_>) {
    let directory = context.state.directory.read();
    let (person, list) = (record.person(), record.list());
    let citizens = context.state.citizens[citizen_shard(person)].lock();
    if directory.name(list).is_none() {
        report(context, at, "the name of its list was never introduced".into());
    }
    if citizens.is_listed(person, list) {
        report(context, at, "its person is on the list already".into());
    }
    let decided = ListedRecord::new(at.header.at(), at.header.caller(), list, person);
    if differ(at.bytes, decided.as_bytes()) {
        report(context, at, NOT_CANONICAL.into());
    }
}
