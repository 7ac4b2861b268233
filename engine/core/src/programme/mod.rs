//! Policy is data: what a programme file says, as types. The files are in `programs/`.
//!
//! A [`Program`] is built by [`Program::load`] only, so whoever holds one may rely on every bound and rule the loader
//! checks: caps fit a slot, categories do not overlap, every benefit has a cap and a channel. One file is one version of
//! the rules; its hash names it in the journal.

mod load;
pub mod reader;
pub mod syntax;
#[cfg(test)]
mod tests_refused;
#[cfg(test)]
mod tests_shipped;

use crate::calendar::{BusinessDate, Hours, Instant};
use crate::ids::Name;
use crate::money::Satang;

/// The largest programme file, in bytes: the text travels in a journal record (I12).
pub const TEXT_BYTES_MAX: usize = 65_536;
/// The most benefits of a programme (I12).
pub const BENEFITS_MAX: usize = 15;
/// The most channels of a benefit (I12).
pub const CHANNELS_MAX: usize = 16;
/// The most funding sources of a benefit (I12): a record keeps what each paid.
pub const SOURCES_MAX: usize = 4;
/// The most entries of every other list in a file: `exclusive_with`, `excluded_lists`, tiers (I12).
pub const ENTRIES_MAX: usize = 64;
/// The most tiers a programme may have: records name one in four bits.
pub const TIERS_MAX: usize = 15;

/// Why a programme file is refused. Printed as `file:line: key: reason`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}: {reason}")]
pub struct PolicyError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line of the value that is wrong, from 1; of the table's header when a key is missing.
    pub line: usize,
    /// The dotted path of the key, like `benefit[0].caps.day`; indices count from 0.
    pub key: String,
    /// What is wrong and what to write instead, in plain English.
    pub reason: String,
}

crate::words! {
    /// The period over which a cap counts the state's money. Shortest first; also the index into [`Caps`].
    pub enum CapPeriod {
        Day = 0, "day";
        Month = 1, "month";
        /// One calendar quarter (our decision: the welfare card's "3 months").
        Quarter = 2, "quarter";
        Program = 3, "program";
    }
}

/// The most the state pays per holder and period, in satang: 1 to [`Satang::CAP_MAX`] for every period that has a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps([Option<Satang>; 4]);

impl Caps {
    /// The cap of this period.
    pub const fn get(&self, period: CapPeriod) -> Option<Satang> {
        self.0[period as usize]
    }

    /// The caps there are, shortest period first.
    pub fn iter(&self) -> impl Iterator<Item = (CapPeriod, Satang)> + use<> {
        let caps = self.0;
        CapPeriod::ALL
            .into_iter()
            .filter_map(move |period| Some((period, caps[period as usize]?)))
    }

    /// These caps, and where `tier` has one that one instead.
    fn replaced_by(&self, tier: &Caps) -> Caps {
        Caps(core::array::from_fn(|period| tier.0[period].or(self.0[period])))
    }
}

crate::words! {
    /// What a merchant sells, and so what a benefit may be spent on. The number is written in journal records: never
    /// renumbered.
    pub enum Category {
        /// Restaurants, food and drink.
        FoodDrink = 0, "food_drink";
        GeneralGoods = 1, "general_goods";
        Otop = 2, "otop";
        VillageFund = 3, "village_fund";
        /// Community enterprises.
        CommunityEnterprise = 4, "community_enterprise";
        /// Blue flag shops (ธงฟ้า), where welfare-card goods money may be spent.
        BlueFlag = 5, "blue_flag";
        Massage = 6, "massage";
        Spa = 7, "spa";
        Hair = 8, "hair";
        Nails = 9, "nails";
        /// Taxi-meter, registered vans, tuk-tuk, songthaew, motorcycle taxi.
        PublicTransport = 10, "public_transport";
        /// Urban rail, rail, bus, boat.
        MassTransit = 11, "mass_transit";
        /// Unlicensed transport (samlor), certified by an officer.
        UnlicensedTransport = 12, "unlicensed_transport";
        CookingGas = 13, "cooking_gas";
        Electricity = 14, "electricity";
        Water = 15, "water";
    }
}

/// A set of categories, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategorySet(u32);

impl CategorySet {
    /// No category.
    pub const EMPTY: CategorySet = CategorySet(0);

    /// Whether the category is in the set.
    pub const fn contains(self, category: Category) -> bool {
        self.0 & 1 << category as u8 != 0
    }

    /// Adds the category; whether it was new.
    pub const fn insert(&mut self, category: Category) -> bool {
        let new = !self.contains(category);
        self.0 |= 1 << category as u8;
        new
    }

    /// Whether every category of `self` is in `other`.
    pub const fn is_subset(self, other: CategorySet) -> bool {
        self.0 & !other.0 == 0
    }

    /// The categories, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL
            .into_iter()
            .filter(move |&category| self.contains(category))
    }
}

crate::words! {
    /// Whose caps a benefit counts against.
    pub enum Holder {
        /// Each person has their own room.
        Person = 0, "person";
        /// The members of a household share it.
        Household = 1, "household";
    }
}

crate::words! {
    /// What happens to a purchase when there is no room at all.
    pub enum WhenExhausted {
        Decline = 0, "decline";
        /// It is approved and the citizen pays all of it.
        CitizenPays = 1, "citizen_pays";
    }
}

/// A way of spending a benefit: in a shop, through a delivery platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The channel, unique within the benefit.
    pub id: Name,
    /// The first date of spending.
    pub from: BusinessDate,
    /// The last date of spending; never before `from`.
    pub to: BusinessDate,
    /// The hours of every such date, half-open.
    pub hours: Hours,
    /// What may be bought this way: the benefit's categories when the file gives none, else a subset of them.
    pub merchant_categories: CategorySet,
}

/// One of the purses the state's part is paid from, used in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingSource {
    /// The source, unique within the benefit.
    pub source: Name,
    /// What the source pays within the shortest cap's period, in satang; `None` for the last one, which pays the rest.
    pub up_to: Option<Satang>,
}

/// What the state shares, with whom, how much of it and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benefit {
    /// The benefit, unique within the programme.
    pub id: Name,
    /// The state's share of the eligible amount, in percent: 1 to 100.
    pub state_percent: u8,
    /// Whose room it takes.
    pub holder: Holder,
    /// The most the state pays per holder; at least one period has a cap.
    pub caps: Caps,
    /// What happens when there is no room at all.
    pub when_exhausted: WhenExhausted,
    /// The merchants it may be spent at; never empty, and disjoint from the programme's other benefits.
    pub merchant_categories: CategorySet,
    /// Who pays the state's part, in order; empty when the file does not say.
    pub funded_by: Vec<FundingSource>,
    /// The ways of spending it: 1 to [`CHANNELS_MAX`].
    pub channels: Vec<Channel>,
}

impl Benefit {
    /// The caps that count for a tier of the programme's registration; `None`: the benefit's own.
    pub fn caps_of(&self, tier: Option<&Tier>) -> Caps {
        let mut replacing = tier.into_iter().flat_map(|tier| &tier.caps);
        match replacing.find(|(benefit, _)| *benefit == self.id) {
            Some((_, caps)) => self.caps.replaced_by(caps),
            None => self.caps,
        }
    }

    /// The channel of this id.
    pub fn channel(&self, id: &Name) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == *id)
    }
}

/// When merchants may join by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantRegistration {
    pub opens: Option<BusinessDate>,
    /// The last date for new merchants.
    pub closes: Option<BusinessDate>,
    /// The last date for merchants of the earlier programme, who only confirm.
    pub returning_closes: Option<BusinessDate>,
    /// The earlier programme; absent for any other one.
    pub returning_from: Option<Name>,
}

/// How citizens get the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub opens: BusinessDate,
    /// The last date, when there is one.
    pub closes: Option<BusinessDate>,
    /// The hours of every such date, half-open.
    pub hours: Hours,
    /// The most live rights there may be, at least 1; unlimited when absent.
    pub quota: Option<u64>,
    /// Complete years on the registration day, at most 150.
    pub min_age: Option<u8>,
    /// Imported lists whose citizens are refused, in the order they are checked.
    pub excluded_lists: Vec<Name>,
    /// When a right registered before this instant lapses unless it was used before it.
    pub first_use_by: Option<Instant>,
    /// What holders of an earlier programme may do.
    pub returning: Option<Returning>,
    /// Other caps for those on a list; the first tier that matches wins.
    pub tiers: Vec<Tier>,
}

/// Holders in an earlier programme only confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returning {
    /// The earlier programme, or the imported list that stands for it when it has no file.
    pub from_program: Name,
    /// The first date on which they may confirm.
    pub opens: BusinessDate,
    /// The first date on which they may spend.
    pub usable_from: BusinessDate,
}

/// Other caps for the citizens on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The tier, unique within the programme.
    pub id: Name,
    /// The imported list a citizen must be on.
    pub required_list: Name,
    /// Per benefit (its id) the caps that replace the benefit's own; each names periods that the benefit caps.
    pub caps: Vec<(Name, Caps)>,
}

/// One version of one programme's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub id: Name,
    /// Its name in Thai.
    pub name_th: String,
    /// Its name in English.
    pub name_en: String,
    /// Programmes that nobody draws on together with this one on one business date.
    pub exclusive_with: Vec<Name>,
    /// Nobody spends before this date; `returning` holders have their own.
    pub usable_from: Option<BusinessDate>,
    /// The first date this version counts from.
    pub effective_from: Option<BusinessDate>,
    /// What the rule rests on, like a letter's number.
    pub source: Option<String>,
    /// When merchants may join.
    pub merchant_registration: Option<MerchantRegistration>,
    /// How citizens register; absent when holders come by import only.
    pub registration: Option<Registration>,
    /// What the programme gives: 1 to [`BENEFITS_MAX`].
    pub benefits: Vec<Benefit>,
    /// BLAKE3 of the file's bytes: the rule version.
    pub hash: [u8; 32],
    pub text: String,
}

impl Program {
    /// The benefit a merchant of this category is paid from, and its index; at most one there is.
    pub fn benefit_for(&self, category: Category) -> Option<(usize, &Benefit)> {
        self.benefits
            .iter()
            .enumerate()
            .find(|(_, benefit)| benefit.merchant_categories.contains(category))
    }

    /// The earlier programme whose holders only confirm; a list of that name stands for it when it is not loaded.
    pub fn returning_from(&self) -> Option<&Name> {
        let returning = self.registration.as_ref()?.returning.as_ref()?;
        Some(&returning.from_program)
    }

    /// The imported lists the file names: those that exclude, then those a tier requires; each once.
    ///
    /// `returning.from_program` is not among them: it is a list only when no programme of that name is loaded.
    pub fn lists(&self) -> impl Iterator<Item = &Name> {
        self.registration.iter().flat_map(|registration| {
            let required = registration.tiers.iter().map(|tier| &tier.required_list);
            registration.excluded_lists.iter().chain(required)
        })
    }

    /// Every name that records may have to say by a number, with repeats: the programme's own first.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        let channels = self.benefits.iter().flat_map(|benefit| &benefit.channels);
        let sources = self.benefits.iter().flat_map(|benefit| &benefit.funded_by);
        let tiers = self
            .registration
            .iter()
            .flat_map(|registration| &registration.tiers);
        core::iter::once(self.id)
            .chain(channels.map(|channel| channel.id))
            .chain(sources.map(|source| source.source))
            .chain(tiers.map(|tier| tier.id))
            .chain(self.exclusive_with.iter().copied())
            .chain(self.lists().copied())
            .chain(self.returning_from().copied())
    }
}
