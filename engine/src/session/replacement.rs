//! A new wallet for an old one (a new phone): every right of the citizen under the old wallet goes to the new one, in one record.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::locks::holder_locks::HolderLocks;
use satang_core::decide::register::home_wallet;
use satang_core::ids::{Name, PersonId, WalletId};
use satang_core::record::{BenefitNumber, CarriedEntitlement, NameNumber, Record, Replacement};
use satang_core::state::casework::Block;
use satang_core::state::directory::Directory;
use satang_log::log::ReadLog;
use satang_log::log::Space;

/// A wallet that is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacementInput {
    pub wallet: WalletId,
    /// The new one; another than the old one.
    pub new_wallet: WalletId,
    /// Why, in the registrar's words.
    pub reason: String,
}

/// Why a wallet is not replaced. In order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacementRefusal {
    /// Nothing ever named the old wallet.
    WalletUnknown,
    /// No right is held through the old wallet.
    NotRegistered,
    /// The new wallet is another citizen's.
    WalletTaken,
    /// The citizen was erased.
    Erased,
}

impl ReplacementRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ReplacementRefusal::WalletUnknown => "wallet_unknown",
            ReplacementRefusal::NotRegistered => "not_registered",
            ReplacementRefusal::WalletTaken => "wallet_taken",
            ReplacementRefusal::Erased => Block::Erased.reason(),
        }
    }
}

/// What became of a replacement. The answer may leave once the journal is durable through `sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacementOutcome {
    /// The new wallet holds the rights from the record of this sequence on.
    Replaced {
        /// The sequence of the record.
        sequence: u64,
    },
    /// The very same replacement was made before, by the record of this sequence, and the old wallet holds nothing since.
    Repeated {
        /// The sequence of the record.
        sequence: u64,
    },
    Refused(ReplacementRefusal),
}

/// What a replacement comes to as everything stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is to be recorded.
    Recorded(Replacement),
    /// It repeats the record of this sequence.
    Repeats {
        /// The sequence of the record.
        sequence: u64,
    },
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Gives a citizen a new wallet in place of an old one.
    pub fn replace_wallet(
        &self,
        input: &ReplacementInput,
        by: Option<&Name>,
    ) -> Result<ReplacementOutcome, SubmitError> {
        self.check_load()?;
        self.check_journal()?;
        let caller = self.number_of_key(by)?;
        let directory = self.state.directory.read();
        let refused = |refusal| Ok(ReplacementOutcome::Refused(refusal));
        let owner = {
            let wallets = self.state.wallets[self.state.seed.wallet_shard(input.wallet)].lock();
            wallets.status(input.wallet).map(|_| wallets.person(input.wallet))
        };
        // Whose a wallet is never changes; nobody's may become somebody's, and then this came first.
        let person = match owner {
            None => return refused(ReplacementRefusal::WalletUnknown),
            Some(None) => return refused(ReplacementRefusal::NotRegistered),
            Some(Some(person)) => person,
        };
        // Who counts lapsed rights reads shard after shard: a right that went from one to another meanwhile would be missed, or
        // counted twice.
        let _nobody_counts = self.lapse_counting.lock();
        let mut holders =
            HolderLocks::lock_two(&self.state, &directory, person, [input.wallet, input.new_wallet]);
        let replacement = match decide(&directory, input, person, &holders) {
            Ok(Decided::Recorded(replacement)) => replacement,
            Ok(Decided::Repeats { sequence }) => return Ok(ReplacementOutcome::Repeated { sequence }),
            Err(refusal) => return refused(refusal),
        };
        self.check_room(Space::Enough)?;
        let made = self.append(
            self.now()?,
            &Record::Replacement(replacement),
            caller,
            &mut holders.shards(),
        )?;
        Ok(ReplacementOutcome::Replaced {
            sequence: made.sequence,
        })
    }
}

/// Decides a replacement of `person`'s wallet as everything stands.
///
/// # Errors
/// Why it is refused.
pub fn decide(
    directory: &Directory,
    input: &ReplacementInput,
    person: PersonId,
    holders: &HolderLocks<'_>,
) -> Result<Decided, ReplacementRefusal> {
    let old = holders.wallets(input.wallet);
    let citizens = holders.citizens(person);
    let last = |entitlement: &BenefitNumber| citizens.last_wallet(person, *entitlement) == Some(input.wallet);
    let rights: Vec<CarriedEntitlement> = directory
        .programs()
        .filter(|(_, entitlement)| last(entitlement))
        .map(|(program, entitlement)| {
            let benefits = directory.benefits_of(program);
            carried(holders, input, entitlement, &benefits)
        })
        .collect();
    if rights.iter().all(|right| right.ended) {
        return match old.replaced_by(input.wallet) {
            Some((by, sequence)) if by == input.new_wallet => Ok(Decided::Repeats { sequence }),
            _ => Err(ReplacementRefusal::NotRegistered),
        };
    }
    let owner = holders.wallets(input.new_wallet).person(input.new_wallet);
    if owner.is_some_and(|owner| owner != person) {
        return Err(ReplacementRefusal::WalletTaken);
    }
    let block = directory.casework().block_of(person);
    if block == Some(Block::Erased) {
        return Err(ReplacementRefusal::Erased);
    }
    Ok(Decided::Recorded(Replacement {
        wallet: input.wallet,
        new_wallet: input.new_wallet,
        person,
        several: old.is_several(input.wallet),
        suspended: block == Some(Block::Suspended),
        rights,
        reason: input.reason.clone(),
    }))
}

/// A right that is the old wallet's, or was last, as the new one is to hold it.
fn carried(
    holders: &HolderLocks<'_>,
    input: &ReplacementInput,
    entitlement: BenefitNumber,
    benefits: &[BenefitNumber],
) -> CarriedEntitlement {
    let old = holders.wallets(input.wallet);
    let standing = old.standing(input.wallet, entitlement);
    // One that ended keeps nothing but where the citizen's use is kept.
    let right = standing.and_then(|standing| standing.entitlement);
    let home = home_wallet(old, input.wallet, entitlement, benefits);
    CarriedEntitlement {
        benefit: entitlement,
        registered_unix_s: right.map_or(0, |right| right.registered_unix_s),
        usable_from: right.and_then(|right| right.usable_from),
        returning: right.is_some_and(|right| right.returning),
        tier: right.map_or(NameNumber::UNKNOWN, |right| right.tier),
        household: right.and_then(|right| right.household),
        ended: right.is_none(),
        used: old.has_drawn(input.wallet, benefits),
        home: home.filter(|home| *home != input.new_wallet),
    }
}
