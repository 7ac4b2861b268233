//! The policy in force.

use crate::payment::Caps;
use crate::shape::{Nullable, Text, part, shape};
use crate::words::{Category, Day, Hours, Name, Status};

shape! {
    /// A programme's policy in force.
    pub struct Program {
        pub id: Name,
        pub name_th: Text,
        pub name_en: Text,
        pub status: Status,
        /// Why it is suspended; null when it is not.
        pub status_reason: Nullable<Text>,
        /// BLAKE3 of the programme file in force.
        pub rule_version: Text,
        pub source: Nullable<Text>,
        pub usable_from: Nullable<Day>,
        pub effective_from: Nullable<Day>,
        /// When merchants may join by themselves; absent when they come by the register only. A key is absent that the programme's
        /// file leaves out.
        pub merchant_registration: Option<MerchantRegistration>,
        /// Nobody draws on one of these and on this programme on one business date, whichever of the two names the other.
        pub exclusive_with: Vec<Name>,
        pub benefits: Vec<Benefit>,
        pub registration: Registration,
        /// The imported lists the file names.
        pub lists: Vec<ListShown>,
    }
}

part! {
    /// When merchants may join by themselves; absent when they come by the register only. A key is absent that the programme's file
    /// leaves out.
    pub struct MerchantRegistration {
        pub opens: Option<Day>,
        pub closes: Option<Day>,
        pub returning_closes: Option<Day>,
        pub returning_from: Option<Name>,
    }
}

part! {
    /// A list that a programme's file names.
    pub struct ListShown {
        pub list: Name,
        /// Whether it was ever imported; a file without a citizen confirms that a list is rightly empty. One that never was is empty, too.
        pub imported: bool,
        /// How many citizens are on it.
        pub citizens: u64,
    }
}

shape! {
    /// Every list that was imported, or that a programme in force names.
    pub struct Lists {
        /// By name.
        pub lists: Vec<ListFound>,
    }
}

part! {
    /// A list, and who uses it.
    pub struct ListFound {
        pub list: Name,
        /// Whether it was ever imported; a file without a citizen confirms that a list is rightly empty. One that never was is empty, too.
        pub imported: bool,
        /// How many citizens are on it.
        pub citizens: u64,
        /// The programmes in force that name it, by id. None: a slip in its name, or a list of an earlier programme.
        pub programs: Vec<Name>,
    }
}

shape! {
    /// What a programme pays, and where.
    pub struct Benefit {
        pub id: Name,
        pub state_percent: u64,
        pub holder: Text,
        pub caps: Caps,
        /// Who pays the state's part, in order; absent when the file names nobody.
        pub funded_by: Option<Vec<Source>>,
        pub when_exhausted: Text,
        pub merchant_categories: Vec<Category>,
        pub channels: Vec<Channel>,
    }
}

part! {
    /// Who pays a part of the state's share.
    pub struct Source {
        pub source: Name,
        /// Satang in the period of the shortest cap; absent for the last.
        pub up_to: Option<u64>,
    }
}

part! {
    /// Where and when a benefit may be used.
    pub struct Channel {
        pub id: Name,
        pub from: Day,
        pub to: Day,
        pub hours: Hours,
        pub merchant_categories: Vec<Category>,
    }
}

shape! {
    /// How a programme's registration stands.
    pub struct Registration {
        /// Whether a registration at this moment, of a citizen who holds nothing yet, would get past `outside_hours`: a version of
        /// the rules counts today, the programme is not paused, and its dates and hours let people in. The quota does not matter.
        pub open: bool,
        /// Null: unlimited.
        pub quota: Nullable<u64>,
        /// Live rights.
        pub registered: u64,
        /// Null: unlimited.
        pub remaining: Nullable<u64>,
        pub opens: Nullable<Day>,
        pub closes: Nullable<Day>,
        pub hours: Nullable<Hours>,
    }
}

shape! {
    /// The status that was stored.
    pub struct ProgramStatus {
        pub program: Name,
        pub status: Status,
        /// Without control characters.
        pub reason: Text,
    }
}

shape! {
    /// The programmes in force after a reload.
    pub struct Reload {
        /// By id.
        pub programs: Vec<ReloadedProgram>,
        /// The programmes whose file is gone: out of force from this moment.
        pub removed: Vec<Name>,
    }
}

part! {
    /// A programme after a reload.
    pub struct ReloadedProgram {
        pub id: Name,
        /// BLAKE3 of the file that was read.
        pub rule_version: Text,
        /// Whether another version, or none, was in force.
        pub changed: bool,
        /// The first date this version counts from; until then the one before it does.
        pub effective_from: Nullable<Day>,
    }
}

shape! {
    /// Every programme in force.
    pub struct Programs {
        pub programs: Vec<Program>,
    }
}
