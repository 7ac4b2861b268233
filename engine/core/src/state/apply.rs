//! What a record changes (I2): [`apply`] alone says which parts of the state, live, at replay and in a verification.
//!
//! Every effect goes to one part, which is named by a key. How a part changes stands in its own `apply_…`.

use crate::ids::{HouseholdId, PersonId, RegistrationId, ReversalId, TxnId, WalletId};
use crate::record::{
    AuditStamp, Authorization, BenefitNumber, Earlier, EnrollmentRecord, ListedRecord, ProgrammeTransfer,
    Record, RecordKind, RegistrationRecord, Replacement, ReturnKind, ReversalRecord, WalletStatus,
};
use crate::state::account::WalletShard;
use crate::state::casework::CaseworkDecision;
use crate::state::dedup::IdShard;
use crate::state::directory::{Directory, DirectoryError};
use crate::state::hash::HashSeed;
use crate::state::household::HouseholdShard;
use crate::state::person::PersonShard;
use crate::state::quota::{QuotaError, Quotas};

/// An id that leads to a record, by what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKey {
    /// An authorization or hold.
    Txn(TxnId),
    Reversal(ReversalId),
    Registration(RegistrationId),
}

impl IdKey {
    /// The shard that keeps it.
    #[inline]
    pub fn shard(self, seed: &HashSeed) -> usize {
        match self {
            IdKey::Txn(id) => seed.txn_shard(id),
            IdKey::Reversal(id) => seed.reversal_shard(id),
            IdKey::Registration(id) => seed.registration_shard(id),
        }
    }
}

/// The parts of the state that a record may change. A part that is not implemented is one that somebody else keeps: the effect is
/// left to them.
pub trait Shards {
    /// Changes the shard of an id.
    #[inline]
    fn ids(&mut self, _: IdKey, _: impl FnOnce(&mut IdShard)) {}

    /// Changes the shard of a citizen.
    #[inline]
    fn citizen(&mut self, _: PersonId, _: impl FnOnce(&mut PersonShard)) {}

    /// Changes the shard of a household.
    #[inline]
    fn household(&mut self, _: HouseholdId, _: impl FnOnce(&mut HouseholdShard)) {}

    /// Changes the shard of a wallet.
    #[inline]
    fn wallet(&mut self, _: WalletId, _: impl FnOnce(&mut WalletShard)) {}

    /// Changes the counters of rights, and returns what `change` does; `None` when somebody else keeps them.
    #[inline]
    fn quotas<T>(&mut self, _: impl FnOnce(&mut Quotas) -> T) -> Option<T> {
        None
    }

    /// Changes names, rules, merchants and casework, and returns what `change` does; `None` when somebody else keeps them.
    #[inline]
    fn directory<T>(&mut self, _: impl FnOnce(&mut Directory) -> T) -> Option<T> {
        None
    }
}

/// Why a record cannot be applied: it does not fit what came before it. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// It does not fit the directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// It does not fit the counters of rights.
    #[error(transparent)]
    Quota(#[from] QuotaError),
}

/// Applies a record, the one of `made`.
///
/// # Errors
/// [`ApplyError`]; what can misfit is looked at before anything changes.
#[inline]
pub fn apply(record: &Record, made: &AuditStamp, shards: &mut impl Shards) -> Result<(), ApplyError> {
    let sequence = made.sequence;
    match record {
        Record::Authorization(found) => apply_authorization(&found.record, sequence, shards),
        Record::Reversal(record) | Record::Capture(record) | Record::Void(record) => {
            apply_reversal(record, sequence, shards);
        }
        // Which date is open is no part of the state.
        Record::CutOver(_) => {}
        Record::Registration(record) => apply_registration(record, sequence, shards)?,
        Record::Enrollment(record) => apply_enrollment(record, shards),
        Record::Listed(record) => apply_listed(record, shards),
        Record::ProgrammeTransfer(moved) => apply_transfer(moved, shards)?,
        Record::Replacement(replacement) => apply_replacement(replacement, sequence, shards),
        Record::WalletStatus(status) => apply_wallet_status(status, shards),
        Record::Name(name) => to_directory(shards, |directory| directory.apply_name(name))?,
        Record::RuleVersion(version) => to_directory(shards, |directory| directory.apply_rule(version))?,
        Record::RulesInForce(rules) => {
            to_directory(shards, |directory| directory.apply_in_force(rules, made.at))?;
        }
        Record::Merchant(merchant) => to_directory(shards, |directory| directory.apply_merchant(merchant))?,
        Record::ListImported(imported) => {
            to_directory(shards, |directory| directory.apply_list_imported(imported))?;
        }
        Record::KeyAcquirer(key) => {
            to_directory(shards, |directory| directory.apply_key_acquirer(key, sequence))?;
        }
        Record::ProgramStatus(status) => {
            shards.directory(|directory| directory.apply_program_status(status));
        }
        Record::MerchantStatus(decision) => apply_casework(record, decision, made, shards)?,
        Record::MerchantJoined(decision) => apply_casework(record, decision, made, shards)?,
        Record::PlatformBinding(decision) => apply_casework(record, decision, made, shards)?,
        Record::MerchantPayout(decision) => apply_casework(record, decision, made, shards)?,
        Record::AuthorizationPayout(decision) => apply_casework(record, decision, made, shards)?,
        Record::PersonStatus(decision) => apply_casework(record, decision, made, shards)?,
        Record::CaseOpened(decision) => apply_casework(record, decision, made, shards)?,
        Record::CasePaid(decision) => apply_casework(record, decision, made, shards)?,
        Record::CaseClosed(decision) => apply_casework(record, decision, made, shards)?,
        Record::CaseCounted(decision) => apply_casework(record, decision, made, shards)?,
        Record::ConsentWithdrawn(decision) => apply_casework(record, decision, made, shards)?,
        Record::Erased(decision) => apply_casework(record, decision, made, shards)?,
    }
    Ok(())
}

/// Whether [`apply`] may change a shard for a record of this kind. Who keeps shards alone need not read the other kinds, whose
/// records may be long: they change the directory, or nothing.
pub const fn changes_shards(kind: RecordKind) -> bool {
    match kind {
        RecordKind::Authorization
        | RecordKind::Reversal
        | RecordKind::Capture
        | RecordKind::Void
        | RecordKind::Registration
        | RecordKind::Enrollment
        | RecordKind::Listed
        | RecordKind::ProgrammeTransfer
        | RecordKind::Replacement
        | RecordKind::WalletStatus
        | RecordKind::PersonStatus
        | RecordKind::Erased => true,
        RecordKind::CutOver
        | RecordKind::Name
        | RecordKind::RuleVersion
        | RecordKind::RulesInForce
        | RecordKind::Merchant
        | RecordKind::ListImported
        | RecordKind::KeyAcquirer
        | RecordKind::ProgramStatus
        | RecordKind::MerchantStatus
        | RecordKind::MerchantJoined
        | RecordKind::PlatformBinding
        | RecordKind::MerchantPayout
        | RecordKind::AuthorizationPayout
        | RecordKind::CaseOpened
        | RecordKind::CasePaid
        | RecordKind::CaseClosed
        | RecordKind::CaseCounted
        | RecordKind::ConsentWithdrawn => false,
    }
}

/// An authorization or hold has its id; an approved one takes room: the wallet's, the home wallet's or the household's.
#[inline(always)]
pub fn apply_authorization(authorization: &Authorization, sequence: u64, shards: &mut impl Shards) {
    let id = authorization.txn_id();
    let tombstone = authorization.is_tombstoned();
    shards.ids(IdKey::Txn(id), |ids| ids.insert_txn(sequence, id, tombstone));
    shards.wallet(authorization.wallet(), |wallets| {
        wallets.apply_authorization(authorization);
    });
    if let Some(home) = authorization.extension.home() {
        shards.wallet(home, |wallets| wallets.apply_authorization_at_home(authorization));
    }
    if let Some(household) = authorization.extension.household() {
        shards.household(household, |households| {
            households.apply_authorization(authorization);
        });
    }
}

/// A reversal has its id; the id of the authorization learns of it, as of a capture or void; and the room that it took gets back
/// what is given back.
#[inline]
pub fn apply_reversal(record: &ReversalRecord, sequence: u64, shards: &mut impl Shards) {
    if record.act() == ReturnKind::Reversal {
        let id = record.reversal_id();
        shards.ids(IdKey::Reversal(id), |ids| ids.insert_reversal(sequence, id));
    }
    shards.ids(IdKey::Txn(record.txn_id()), |ids| {
        ids.apply_reversal(record, sequence);
    });
    if !record.gives_back() {
        return;
    }
    shards.wallet(record.home(), |wallets| wallets.apply_reversal(record));
    if let Some(household) = record.household() {
        shards.household(household, |households| households.apply_reversal(record));
    }
}

/// A registration has its id; an accepted one takes a ticket and gives the citizen a right.
///
/// # Errors
/// [`ApplyError::Quota`] when its ticket is not the next one.
#[inline]
pub fn apply_registration(
    record: &RegistrationRecord,
    sequence: u64,
    shards: &mut impl Shards,
) -> Result<(), ApplyError> {
    let counted = shards.quotas(|quotas| quotas.apply_registration(record));
    counted.transpose()?;
    let id = record.registration_id();
    shards.ids(IdKey::Registration(id), |ids| {
        ids.insert_registration(sequence, id);
    });
    if let Some(person) = record.person() {
        shards.citizen(person, |citizens| citizens.apply_registration(record));
    }
    shards.wallet(record.wallet(), |wallets| wallets.apply_registration(record));
    end_lapsed(record.wallet(), record.earlier(), record.benefit(), shards);
    link(record.linked(), shards);
    Ok(())
}

/// A citizen holds an imported right.
#[inline]
pub fn apply_enrollment(record: &EnrollmentRecord, shards: &mut impl Shards) {
    shards.quotas(|quotas| quotas.apply_enrollment(record));
    shards.citizen(record.person(), |citizens| citizens.apply_enrollment(record));
    shards.wallet(record.wallet(), |wallets| wallets.apply_enrollment(record));
    end_lapsed(record.wallet(), record.earlier(), record.benefit(), shards);
    link(record.linked(), shards);
}

/// A citizen is on a list.
#[inline]
pub fn apply_listed(record: &ListedRecord, shards: &mut impl Shards) {
    shards.citizen(record.person(), |citizens| citizens.apply_listed(record));
}

/// A citizen's right in one programme ends, and one in another begins.
///
/// # Errors
/// [`ApplyError::Quota`] when nobody holds the right that ends.
#[inline]
pub fn apply_transfer(moved: &ProgrammeTransfer, shards: &mut impl Shards) -> Result<(), ApplyError> {
    let counted = shards.quotas(|quotas| quotas.apply_transfer(moved));
    counted.transpose()?;
    shards.citizen(moved.person, |citizens| citizens.apply_transfer(moved));
    shards.wallet(moved.wallet, |wallets| wallets.apply_transfer(moved));
    end_lapsed(moved.wallet, moved.earlier, moved.to_benefit, shards);
    Ok(())
}

/// A citizen's rights go from one wallet to another.
#[inline]
pub fn apply_replacement(replacement: &Replacement, sequence: u64, shards: &mut impl Shards) {
    shards.citizen(replacement.person, |citizens| {
        citizens.apply_replacement(replacement);
    });
    shards.wallet(replacement.wallet, |wallets| {
        wallets.apply_replaced(replacement, sequence);
    });
    shards.wallet(replacement.new_wallet, |wallets| {
        wallets.apply_replacing(replacement);
    });
}

/// A wallet is suspended or made active.
#[inline]
pub fn apply_wallet_status(status: &WalletStatus, shards: &mut impl Shards) {
    let WalletStatus { wallet, status, .. } = *status;
    shards.wallet(wallet, |wallets| wallets.apply_status(wallet, status));
}

/// A decision of casework, which is `record`; it may stop wallets.
fn apply_casework(
    record: &Record,
    decision: &dyn CaseworkDecision,
    made: &AuditStamp,
    shards: &mut impl Shards,
) -> Result<(), ApplyError> {
    to_directory(shards, |directory| {
        directory.apply_casework(record, decision, made)
    })?;
    if let Some((stopped, status)) = decision.stops() {
        for wallet in stopped {
            shards.wallet(*wallet, |wallets| {
                wallets.apply_person_status(*wallet, status);
            });
        }
    }
    Ok(())
}

fn to_directory(
    shards: &mut impl Shards,
    change: impl FnOnce(&mut Directory) -> Result<(), DirectoryError>,
) -> Result<(), ApplyError> {
    shards.directory(change).transpose()?;
    Ok(())
}

/// The lapsed right that a new one through `wallet` replaces ends, if it was another wallet's.
#[inline]
fn end_lapsed(
    wallet: WalletId,
    earlier: Option<Earlier>,
    entitlement: BenefitNumber,
    shards: &mut impl Shards,
) {
    let lapsed = earlier.and_then(Earlier::lapsed);
    if let Some(lapsed) = lapsed.filter(|lapsed| *lapsed != wallet) {
        shards.wallet(lapsed, |wallets| wallets.take_away(lapsed, entitlement));
    }
}

/// A wallet learns that its citizen has rights in several programmes.
#[inline]
fn link(linked: Option<WalletId>, shards: &mut impl Shards) {
    if let Some(wallet) = linked {
        shards.wallet(wallet, |wallets| wallets.apply_linked(wallet));
    }
}

/// The directory alone.
impl Shards for Directory {
    fn directory<T>(&mut self, change: impl FnOnce(&mut Directory) -> T) -> Option<T> {
        Some(change(self))
    }
}

impl Directory {
    /// Applies what concerns names, rules, merchants and casework of a record: nothing of most kinds.
    ///
    /// # Errors
    /// [`ApplyError`] when the record does not fit what came before: the journal is not one of ours.
    pub fn apply(&mut self, record: &Record, made: &AuditStamp) -> Result<(), ApplyError> {
        apply(record, made, self)
    }
}
