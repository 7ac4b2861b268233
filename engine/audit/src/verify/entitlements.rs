//! Re-deciding what reads the shards of several workers (I3): who got which right, by registration, enrollment, list, move or a new
//! wallet; and purchases from a household's benefit, or of citizens with rights in several programmes.
//!
//! The thread that reads the journal decides such a record, once the workers are done with the records in front of it. Records of
//! rights come in long runs, the others are few.

use super::checked::Whole;
use super::compare::{enrollment_differences, registration_differences};
use super::context::{At, Context, Halt};
use super::finding::Finding;
use super::{casework, purchase};
use satang_core::calendar::Instant;
use satang_core::decide::register::{self, Applicant, Verdict};
use satang_core::ids::PersonId;
use satang_core::outcome::RegistrationReason;
use satang_core::record::{
    AuthorizationRecord, EnrollmentRecord, ListedRecord, NameNumber, ProgrammeTransfer, Record, RecordHeader,
    RecordKind, RegistrationRecord, Replacement,
};
use satang_core::state::apply::{
    apply_enrollment, apply_listed, apply_registration, apply_replacement, apply_transfer,
};
use satang_core::state::directory::{Directory, Rule};
use satang_engine::locks::holder_locks::HolderLocks;
use satang_engine::session::enroll::{self, Enrolled, Line};
use satang_engine::session::programme_transfer::{self, TransferLine};
use satang_engine::session::register::decide;
use satang_engine::session::replacement::{self, Decided, ReplacementInput};
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
        | RecordKind::ProgrammeTransfer
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
        | RecordKind::ListImported
        | RecordKind::KeyAcquirer
        | RecordKind::ProgramStatus => false,
    }
}

/// Decides a record again and applies it. No worker may be working meanwhile.
///
/// # Errors
/// When what is needed to go on cannot be read.
pub fn take<S: ReadStorage>(context: &Context<S>, at: &At<'_>) -> Result<(), Halt> {
    let (sequence, whole) = (at.header.sequence, &mut Whole::of(&context.state));
    match Record::decode(&at.header, at.bytes)? {
        Record::Registration(record) => take_registration(context, &record, at)?,
        Record::Authorization(found) => purchase::take(context, &found, at)?,
        Record::Enrollment(record) => {
            if let Some(decided) = redecide_enrollment(context, &record, at) {
                apply_enrollment(&decided, whole);
            }
        }
        Record::Listed(record) => {
            check_listed(context, &record, at);
            apply_listed(&record, whole);
        }
        Record::ProgrammeTransfer(moved) => {
            if let Some(decided) = redecide_moved(context, &moved, at) {
                apply_transfer(&decided, whole)?;
            }
        }
        Record::Replacement(replacement) => {
            if let Some(decided) = redecide_replacement(context, &replacement, at) {
                apply_replacement(&decided, sequence, whole);
            }
        }
        record => casework::take(context, &record, at)?,
    }
    Ok(())
}

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
        context.report(&at.header, Finding::NoPerson);
        return None;
    };
    count_lapses(context, &directory, rule, when);
    let holders = HolderLocks::lock_one(&context.state, &directory, person, applicant.wallet);
    let verdict = {
        let quotas = context.state.quotas.lock();
        decide(&directory, &applicant, Some(person), &holders, &quotas, when)
    };
    let told = holders
        .citizens(person)
        .quota_full_notified(person, verdict.benefit);
    if verdict.reason == RegistrationReason::QuotaFull && told.is_some() {
        context.report(&at.header, Finding::ToldBefore);
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
    let in_memory = context.state.ids[context.state.seed.registration_shard(id)]
        .lock()
        .registration(id);
    let old = context.id_archive.registrations([id].into_iter())?;
    let known = in_memory.or(old.found.first().map(|(_, sequence)| *sequence));
    if let Some(sequence) = known {
        context.report(
            &at.header,
            Finding::Repeated {
                id: "registration_id",
                first: sequence,
            },
        );
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
    if at.differs(decided.as_bytes()) {
        context.report(&at.header, registration_differences(record, &decided));
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
    let is_counted = state
        .quotas
        .lock()
        .is_counted(rule.entitlement_key, Some(deadline));
    if !is_counted {
        let count = state.count_lapsed(rule, deadline);
        state
            .quotas
            .lock()
            .set_lapsed(rule.entitlement_key, deadline, count);
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
        context.report(&at.header, Finding::ProgramNotInForce);
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
        context.report(&at.header, Finding::NoSuchTier);
    }
    let holders = HolderLocks::lock_one(&context.state, &directory, line.person, line.wallet);
    let quotas = context.state.quotas.lock();
    match enroll::decide(&directory, rule, &line, &holders, &quotas, when) {
        Err(refusal) => context.report(&at.header, Finding::Refused(refusal.name())),
        Ok(Enrolled::Unchanged) => context.report(&at.header, Finding::Unchanged),
        Ok(Enrolled::Recorded(facts)) => {
            let decided = EnrollmentRecord::new(when, at.header.caller(), &facts);
            if at.differs(decided.as_bytes()) {
                context.report(&at.header, enrollment_differences(record, &decided));
            }
            return Some(decided);
        }
    }
    None
}

/// Decides a move again; `None` when it would not have been recorded.
fn redecide_moved<S: ReadStorage>(
    context: &Context<S>,
    moved: &ProgrammeTransfer,
    at: &At<'_>,
) -> Option<ProgrammeTransfer> {
    let directory = context.state.directory.read();
    let when = at.header.at();
    let rule = |program| directory.rule_on_or_first(program, when.business_date());
    let (Some(from), Some(to)) = (rule(moved.from), rule(moved.to)) else {
        context.report(&at.header, Finding::OneProgramNotInForce);
        return None;
    };
    if moved.tier != NameNumber::UNKNOWN && !to.has_tier(moved.tier) {
        context.report(&at.header, Finding::NoSuchTierInNew);
    }
    count_lapses(context, &directory, from, when);
    count_lapses(context, &directory, to, when);
    let line = TransferLine {
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
    let holders = HolderLocks::lock_one(&context.state, &directory, moved.person, moved.wallet);
    let quotas = context.state.quotas.lock();
    match programme_transfer::decide(&line, &holders, &quotas, when) {
        Err(refusal) => context.report(&at.header, Finding::Refused(refusal.name())),
        Ok(None) => context.report(&at.header, Finding::Unchanged),
        Ok(Some(decided)) => {
            if decided != *moved {
                context.report(&at.header, Finding::OtherMove);
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
        context.report(&at.header, Finding::OneWallet);
        return None;
    }
    let wallets = [input.wallet, input.new_wallet];
    let holders = HolderLocks::lock_two(&context.state, &directory, person, wallets);
    if holders.wallets(input.wallet).person(input.wallet) != Some(person) {
        context.report(&at.header, Finding::WalletOfAnother);
        return None;
    }
    match replacement::decide(&directory, &input, person, &holders) {
        Err(refusal) => context.report(&at.header, Finding::Refused(refusal.name())),
        Ok(Decided::Repeats { sequence }) => {
            context.report(&at.header, Finding::RepeatsReplacement(sequence));
        }
        Ok(Decided::Recorded(decided)) => {
            if decided != *recorded {
                context.report(&at.header, Finding::OtherReplacement);
            }
            return Some(decided);
        }
    }
    None
}

fn check_listed<S: ReadStorage>(context: &Context<S>, record: &ListedRecord, at: &At<'_>) {
    let directory = context.state.directory.read();
    let (person, list) = (record.person(), record.list());
    let citizens = context.state.citizens[context.state.seed.person_shard(person)].lock();
    if directory.name(list).is_none() {
        context.report(&at.header, Finding::ListUnnamed);
    }
    if citizens.is_listed(person, list) {
        context.report(&at.header, Finding::ListedAlready);
    }
    let decided = ListedRecord::new(at.header.at(), at.header.caller(), list, person);
    if at.differs(decided.as_bytes()) {
        context.report(&at.header, Finding::NotCanonical);
    }
}
