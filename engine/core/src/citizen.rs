//! Who holds what: one person, one wallet, one entitlement per programme.

use crate::directory::FixedSeed;
use crate::export;
use crate::ids::{PersonId, WalletId};
use crate::record::{EnrollmentRecord, NameNumber};
use crate::table::hash_word;
use hashbrown::HashMap;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How many shards persons are spread over; a power of two.
pub const CITIZEN_SHARDS: usize = 256;

/// The shard of a person.
pub fn citizen_shard(person: PersonId) -> usize {
    (hash_word(person.number()) >> 56) as usize
}

/// Who holds an entitlement, in a snapshot.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Held {
    person: u64,
    wallet: u64,
    program: u64,
}

/// The entitlements of the persons of one shard.
#[derive(Default)]
pub struct CitizenShard {
    wallets: HashMap<(PersonId, NameNumber), WalletId, FixedSeed>,
    /// How many entitlements each programme has; a few programmes.
    counts: Vec<(NameNumber, usize)>,
}

impl CitizenShard {
    /// The wallet through which the person holds an entitlement in the programme.
    pub fn wallet(&self, person: PersonId, program: NameNumber) -> Option<WalletId> {
        self.wallets.get(&(person, program)).copied()
    }

    /// The person holds an entitlement.
    pub fn apply_enrollment(&mut self, record: &EnrollmentRecord) {
        let known = self
            .wallets
            .insert((record.person(), record.program()), record.wallet())
            .is_some();
        if !known {
            self.count(record.program());
        }
    }

    /// The persons of the shard, one for each entitlement.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> {
        self.wallets.keys().map(|(person, _)| *person)
    }

    /// How many entitlements there are in a programme.
    pub fn entitlements_in(&self, program: NameNumber) -> usize {
        self.counts
            .iter()
            .find(|(of, _)| *of == program)
            .map_or(0, |(_, count)| *count)
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        let of = |((person, program), wallet): (&(PersonId, NameNumber), &WalletId)| {
            let key = crate::table::hash_pair(person.number(), u64::from(program.0));
            crate::table::hash_pair(key, wallet.number())
        };
        self.wallets.iter().map(of).fold(0, u64::wrapping_add)
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        let held = self.wallets.iter().map(|((person, program), wallet)| Held {
            person: person.number(),
            wallet: wallet.number(),
            program: u64::from(program.0),
        });
        export::entries(to, self.wallets.len(), held);
    }

    /// The shard that [`CitizenShard::export`] wrote; `None` when the bytes are none.
    pub fn import(mut from: &[u8]) -> Option<CitizenShard> {
        let from = &mut from;
        let held = export::take_entries::<Held>(from)?;
        let mut shard = CitizenShard::default();
        shard.wallets.reserve(held.len());
        for held in held {
            let person = PersonId::from_number(held.person)?;
            let program = NameNumber(u16::try_from(held.program).ok()?);
            let wallet = WalletId::from_number(held.wallet);
            shard.wallets.insert((person, program), wallet);
            shard.count(program);
        }
        from.is_empty().then_some(shard)
    }

    fn count(&mut self, program: NameNumber) {
        match self.counts.iter_mut().find(|(of, _)| *of == program) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((program, 1)),
        }
    }
}
