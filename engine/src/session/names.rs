//! The numbers of names. A journal has room for 65,535 names over its life (I12), and nobody may spend what others need.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_core::record::{NameNumber, NameRecord, Record};
use satang_core::state::casework::Block;
use satang_core::state::directory::Directory;
use satang_log::log::{ReadLog, Space};

/// Who brings a name that has no number yet. What is further down finds room when what is further up does not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamesOf {
    /// Lists, merchants and platforms: whoever has a key may invent names.
    Imports,
    /// Programme files, which an operator puts in force.
    Files,
    /// The keys of callers.
    Keys,
    /// Blocks: however many names there are, casework can keep somebody out.
    Blocks,
}

impl NamesOf {
    /// The most names that a journal has when such a name gets its number.
    pub(crate) const fn names_max(self) -> u16 {
        match self {
            NamesOf::Imports => 50_000,
            NamesOf::Files => 60_000,
            NamesOf::Keys => u16::MAX - Block::ALL.len() as u16,
            NamesOf::Blocks => u16::MAX,
        }
    }

    /// The room on the disk that such a name needs: a start takes what it is given, and a reversal may be a key's first request.
    const fn needs(self) -> Option<Space> {
        match self {
            NamesOf::Files => None,
            NamesOf::Keys => Some(Space::ReversalsOnly),
            NamesOf::Imports | NamesOf::Blocks => Some(Space::Enough),
        }
    }
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The numbers of names, with a record for each one that has none yet: for all of them, or for none.
    ///
    /// # Errors
    /// [`SubmitError::TooManyNames`], with the first name that finds no room.
    pub(crate) fn number_names(
        &self,
        directory: &mut Directory,
        names: &[Name],
        of: NamesOf,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<Vec<NameNumber>, SubmitError> {
        // The caller's own name comes first, if that has none yet either.
        let mut new: Vec<&Name> = Vec::new();
        for name in names
            .iter()
            .filter(|name| directory.number_of(name) == NameNumber::UNKNOWN)
        {
            if !new.contains(&name) {
                new.push(name);
            }
        }
        let caller_is_new = by.is_some_and(|name| directory.number_of(name) == NameNumber::UNKNOWN);
        let room =
            usize::from(of.names_max()).saturating_sub(directory.names_len() + usize::from(caller_is_new));
        if let Some(name) = new.get(room) {
            let names_max = of.names_max();
            return Err(SubmitError::TooManyNames {
                name: Box::new(**name),
                names_max,
            });
        }
        if let (false, Some(space)) = (new.is_empty(), of.needs()) {
            self.check_room(space)?;
        }
        let number = |name| self.number_name(directory, name, of, by, at);
        names.iter().map(number).collect()
    }

    /// The number of a name; one that has none yet gets it.
    fn number_name(
        &self,
        directory: &mut Directory,
        name: &Name,
        of: NamesOf,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<NameNumber, SubmitError> {
        let known = directory.number_of(name);
        if known != NameNumber::UNKNOWN {
            return Ok(known);
        }
        let caller = self.caller(directory, by, at)?;
        let next = u16::try_from(directory.names_len() + 1).ok();
        let next = next.filter(|next| *next <= of.names_max());
        let number = NameNumber(next.ok_or(SubmitError::TooManyNames {
            name: Box::new(*name),
            names_max: of.names_max(),
        })?);
        let record = Record::Name(NameRecord { number, name: *name });
        self.append_as(directory, &record, caller, at)?;
        Ok(number)
    }

    /// The number of the name of the caller's key, which gets one with the first record that the caller causes.
    pub(crate) fn caller(
        &self,
        directory: &mut Directory,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<NameNumber, SubmitError> {
        match by {
            None => Ok(NameNumber::UNKNOWN),
            Some(name) => self.number_name(directory, name, NamesOf::Keys, None, at),
        }
    }

    /// The number by which records name a key; none for nobody's. A name that has none yet gets it with this, in front of the first
    /// record of the key. It never changes. Takes the lock of the directory.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::TooManyNames`].
    pub fn number_of_key(&self, by: Option<&Name>) -> Result<NameNumber, SubmitError> {
        let known = by.map(|name| self.state.directory.read().number_of(name));
        match known {
            None => Ok(NameNumber::UNKNOWN),
            Some(NameNumber::UNKNOWN) => {
                self.check_room(Space::ReversalsOnly)?;
                self.caller(&mut self.state.directory.write(), by, self.now()?)
            }
            Some(known) => Ok(known),
        }
    }

    /// The number of an imported list's name, with a record if it has none yet.
    pub(crate) fn number_of_list(&self, name: &Name, by: Option<&Name>) -> Result<NameNumber, SubmitError> {
        let known = self.state.directory.read().number_of(name);
        if known != NameNumber::UNKNOWN {
            return Ok(known);
        }
        let mut directory = self.state.directory.write();
        let at = self.now()?;
        Ok(self.number_names(&mut directory, &[*name], NamesOf::Imports, by, at)?[0])
    }
}
