//! How many hold a right in each programme, and the next ticket: what a hard quota is counted by.
//!
//! A ticket is taken where the record is appended, so the counters are changed under the lock that the append is made under.

use crate::calendar::Instant;
use crate::record::{BenefitNumber, Earlier, EnrollmentRecord, ProgrammeTransfer, RegistrationRecord};
use crate::state::export;

/// The counters of every programme.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    programs: Vec<Counters>,
}

/// The counters of one programme, which is named by the benefit whose slot keeps its entitlements.
#[derive(Clone, Copy, Debug)]
struct Counters {
    entitlement: BenefitNumber,
    /// Registrations accepted: the last ticket.
    tickets: u64,
    /// Rights that are held: accepted or imported, live or lapsed.
    held: u64,
    /// How many of them have lapsed, once that was counted. Not part of the state: it follows from it and the time.
    lapsed: Option<Lapsed>,
}

/// Rights that have lapsed: how many, by the last deadline that struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lapsed {
    deadline: Instant,
    count: u64,
}

/// Nobody has counted yet how many rights had lapsed once the last deadline struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncounted;

/// Why a record does not fit the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// Tickets are dense, from 1.
    #[error("its ticket does not follow the one before")]
    Ticket,
    /// A move ends a right that is counted nowhere.
    #[error("nobody holds the right that ends")]
    NotHeld,
}

impl Quotas {
    /// How many rights are live in a programme, by the last deadline for first use that struck there
    /// ([`crate::state::directory::Directory::struck`]).
    ///
    /// # Errors
    /// [`Uncounted`]: [`Quotas::set_lapsed`] is to be called first.
    pub fn live(&self, entitlement: BenefitNumber, struck: Option<Instant>) -> Result<u64, Uncounted> {
        let counters = self.of(entitlement);
        let Some(deadline) = struck else {
            return Ok(counters.held);
        };
        match counters.lapsed {
            // Never negative but in a forged journal, which verification reads to its end.
            Some(lapsed) if lapsed.deadline == deadline => Ok(counters.held.saturating_sub(lapsed.count)),
            _ => Err(Uncounted),
        }
    }

    /// Whether [`Quotas::live`] can say it.
    pub fn is_counted(&self, entitlement: BenefitNumber, struck: Option<Instant>) -> bool {
        self.live(entitlement, struck).is_ok()
    }

    /// As many rights as this had lapsed when the deadline struck, and were not replaced since.
    pub fn set_lapsed(&mut self, entitlement: BenefitNumber, deadline: Instant, count: u64) {
        self.of_mut(entitlement).lapsed = Some(Lapsed { deadline, count });
    }

    /// The last ticket of the programme; 0 before the first.
    pub fn tickets(&self, entitlement: BenefitNumber) -> u64 {
        self.of(entitlement).tickets
    }

    /// Rights that are held, live or lapsed.
    pub fn held(&self, entitlement: BenefitNumber) -> u64 {
        self.of(entitlement).held
    }

    /// An accepted registration takes a ticket; a rejected one changes nothing.
    ///
    /// # Errors
    /// [`QuotaError::Ticket`]; nothing has changed.
    pub fn apply_registration(&mut self, record: &RegistrationRecord) -> Result<(), QuotaError> {
        let Some(ticket) = record.ticket() else {
            return Ok(());
        };
        let counters = self.of_mut(record.benefit());
        if ticket != counters.tickets + 1 {
            return Err(QuotaError::Ticket);
        }
        counters.tickets = ticket;
        counters.grant(record.earlier());
        Ok(())
    }

    /// An enrollment may grant a right.
    pub fn apply_enrollment(&mut self, record: &EnrollmentRecord) {
        if record.granted() {
            self.of_mut(record.benefit()).grant(record.earlier());
        }
    }

    /// One right ends, another is granted.
    ///
    /// # Errors
    /// [`QuotaError::NotHeld`]; nothing has changed.
    pub fn apply_transfer(&mut self, moved: &ProgrammeTransfer) -> Result<(), QuotaError> {
        let from = self.of_mut(moved.from_benefit);
        from.held = from.held.checked_sub(1).ok_or(QuotaError::NotHeld)?;
        self.of_mut(moved.to_benefit).grant(moved.earlier);
        Ok(())
    }

    /// A digest of the counters.
    pub fn digest(&self) -> u64 {
        let of = |c: &Counters| {
            let tickets = crate::state::hash::hash_pair(u64::from(c.entitlement.0), c.tickets);
            crate::state::hash::hash_pair(tickets, c.held)
        };
        // One that nobody ever registered for may have an entry all the same.
        let used = self
            .programs
            .iter()
            .filter(|counters| counters.held > 0 || counters.tickets > 0);
        used.map(of).fold(0, u64::wrapping_add)
    }

    /// Appends the counters to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        export::number(to, self.programs.len() as u64);
        for counters in &self.programs {
            export::number(to, u64::from(counters.entitlement.0));
            export::number(to, counters.tickets);
            export::number(to, counters.held);
        }
    }

    /// The counters that [`Quotas::export`] wrote; `None` when the bytes are none.
    pub fn import(mut from: &[u8]) -> Option<Quotas> {
        let from = &mut from;
        let mut quotas = Quotas::default();
        for _ in 0..export::take_number(from)? {
            quotas.programs.push(Counters {
                entitlement: BenefitNumber(u16::try_from(export::take_number(from)?).ok()?),
                tickets: export::take_number(from)?,
                held: export::take_number(from)?,
                lapsed: None,
            });
        }
        from.is_empty().then_some(quotas)
    }

    /// The programmes that have counters, and how many rights are held in each.
    pub fn all_held(&self) -> impl Iterator<Item = (BenefitNumber, u64)> {
        self.programs.iter().map(|c| (c.entitlement, c.held))
    }

    fn of(&self, entitlement: BenefitNumber) -> Counters {
        let mut programs = self.programs.iter();
        let found = programs.find(|counters| counters.entitlement == entitlement);
        found.copied().unwrap_or(Counters::new(entitlement))
    }

    fn of_mut(&mut self, entitlement: BenefitNumber) -> &mut Counters {
        let at = self.programs.iter().position(|c| c.entitlement == entitlement);
        let at = at.unwrap_or_else(|| {
            self.programs.push(Counters::new(entitlement));
            self.programs.len() - 1
        });
        &mut self.programs[at]
    }
}

impl Counters {
    const fn new(entitlement: BenefitNumber) -> Counters {
        Counters {
            entitlement,
            tickets: 0,
            held: 0,
            lapsed: None,
        }
    }

    /// A right is live that was not; it may replace one that had lapsed.
    fn grant(&mut self, earlier: Option<Earlier>) {
        if earlier.and_then(Earlier::lapsed).is_none() {
            self.held += 1;
        } else if let Some(lapsed) = &mut self.lapsed {
            lapsed.count = lapsed.count.saturating_sub(1);
        }
    }
}
