//! `satang programs check`: what a reload would say of programme files, and what they mean, without a server.

use crate::explain::{baht, thai_date};
use crate::output::{say, show};
use crate::programs::{ProgramFiles, caps_like_baht, read_programs};
use anyhow::bail;
use clap::{Args, Subcommand};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::Name;
use satang_core::money::Grouped;
use satang_core::programme::{
    Benefit, CapPeriod, Caps, CategorySet, Channel, FundingSource, Holder, MerchantRegistration, Program,
    Registration, Tier, WhenExhausted,
};
use satang_engine::session::activation::check_programs;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::PathBuf;

/// What is to be done with programme files.
#[derive(Subcommand)]
pub enum ProgramsCommand {
    /// Say what a reload would refuse, and print each programme in words: amounts in baht, dates of the Buddhist era.
    Check(CheckArgs),
}

/// The files to look at.
#[derive(Args)]
pub struct CheckArgs {
    /// Folder of programme files (*.toml).
    dir: PathBuf,
}

/// Checks programme files.
///
/// # Errors
/// When one of them cannot be read, or would be refused.
pub fn run(command: &ProgramsCommand) -> anyhow::Result<()> {
    let ProgramsCommand::Check(args) = command;
    let files = read_programs(&args.dir)?;
    refuse_each(&files)?;
    let programs = check_programs(&files)?;
    for (file, program) in &programs {
        show!("{}", description(file, program).join("\n"));
    }
    for note in notes(&programs) {
        say!("{note}");
    }
    say!(
        "{} programmes in {}: a reload would take them. Whether lists were imported, and whether names are left in the journal, only a server knows",
        programs.len(),
        args.dir.display()
    );
    Ok(())
}

/// A reload stops at the first wrong file; here each one is told.
fn refuse_each(files: &ProgramFiles) -> anyhow::Result<()> {
    let faults = files
        .iter()
        .filter_map(|(file, text)| Program::load(file, text).err());
    let faults: Vec<_> = faults.collect();
    match faults.as_slice() {
        [] => Ok(()),
        [one] => bail!("{one}"),
        several => {
            several.iter().for_each(|fault| say!("{fault}"));
            bail!("{} of {} files would be refused", several.len(), files.len())
        }
    }
}

/// What is no fault, but may be a slip.
fn notes(programs: &[(&str, Program)]) -> Vec<String> {
    let known: BTreeSet<&Name> = programs.iter().map(|(_, program)| &program.id).collect();
    let mut notes = Vec::new();
    for (file, program) in programs {
        let elsewhere = program.exclusive_with.iter().filter(|id| !known.contains(id));
        notes
            .extend(elsewhere.map(|id| format!("{file}: exclusive_with {id}: no file is of this programme")));
        let earlier = program.returning_from().filter(|id| !known.contains(id));
        let lists: BTreeSet<&Name> = program.lists().chain(earlier).collect();
        notes.extend(
            lists
                .iter()
                .map(|list| format!("{file}: it needs the list {list}")),
        );
        notes.extend(caps_like_baht(program).map(|cap| format!("{file}: {cap}")));
    }
    notes
}

/// A programme as a person reads it, line by line.
fn description(file: &str, program: &Program) -> Vec<String> {
    let version = data_encoding::HEXLOWER.encode(&program.hash[..4]);
    let mut lines = vec![
        format!("{}: {} ({})", program.id, program.name_th, program.name_en),
        format!("  {file}, version {version}"),
    ];
    let mut add = |line: Option<String>| lines.extend(line.map(|line| format!("  {line}")));
    add(program
        .source
        .as_ref()
        .map(|source| format!("rests on: {source}")));
    add(program
        .effective_from
        .map(|from| format!("counts from {}", date(from))));
    add(program
        .usable_from
        .map(|from| format!("nobody spends before {}", date(from))));
    let exclusive = &program.exclusive_with;
    add((!exclusive.is_empty()).then(|| format!("not on one day with {}", list(exclusive))));
    add(program.merchant_registration.as_ref().map(merchants));
    match &program.registration {
        Some(registration) => registration_lines(registration)
            .into_iter()
            .for_each(|line| add(Some(line))),
        None => add(Some("no registration: holders come by import".into())),
    }
    let benefits = program.benefits.iter().flat_map(benefit_lines);
    benefits.for_each(|line| add(Some(line)));
    lines
}

fn merchants(window: &MerchantRegistration) -> String {
    let mut words = format!("merchants join {}", span(window.opens, window.closes));
    if let Some(earlier) = &window.returning_from {
        words += &format!(
            "; those of {earlier} confirm {}",
            span(None, window.returning_closes)
        );
    }
    words
}

fn registration_lines(registration: &Registration) -> Vec<String> {
    let span = span(Some(registration.opens), registration.closes);
    let mut lines = vec![format!("registration {span}, {}", registration.hours)];
    let mut add = |line: Option<String>| lines.extend(line.map(|line| format!("  {line}")));
    add(registration
        .quota
        .map(|quota| format!("{} rights", grouped(quota))));
    add(registration.min_age.map(|age| format!("from {age} years of age")));
    let excluded = &registration.excluded_lists;
    add((!excluded.is_empty()).then(|| format!("not for those on {}", list(excluded))));
    add(registration
        .first_use_by
        .map(|by| format!("first use before {}", instant(by))));
    add(registration.returning.as_ref().map(|returning| {
        format!(
            "holders of {} confirm from {} and spend from {}",
            returning.from_program,
            date(returning.opens),
            date(returning.usable_from)
        )
    }));
    registration
        .tiers
        .iter()
        .for_each(|tier| add(Some(tier_line(tier))));
    lines
}

fn tier_line(tier: &Tier) -> String {
    let caps = tier.caps.iter();
    let caps: Vec<String> = caps
        .map(|(benefit, caps)| format!("{benefit} {}", amounts(caps)))
        .collect();
    format!(
        "tier {}, those on {}: {}",
        tier.id,
        tier.required_list,
        caps.join("; ")
    )
}

fn benefit_lines(benefit: &Benefit) -> Vec<String> {
    let holder = match benefit.holder {
        Holder::Person => "a person",
        Holder::Household => "a household",
    };
    let exhausted = match benefit.when_exhausted {
        WhenExhausted::Decline => "then purchases are declined",
        WhenExhausted::CitizenPays => "then the citizen pays all",
    };
    let mut lines = vec![
        format!(
            "benefit {}: the state pays {} %, for {holder} at most {}; {exhausted}",
            benefit.id,
            benefit.state_percent,
            amounts(&benefit.caps)
        ),
        format!("  for {}", categories(benefit.merchant_categories)),
    ];
    if !benefit.funded_by.is_empty() {
        let sources: Vec<String> = benefit.funded_by.iter().map(source).collect();
        lines.push(format!("  paid by {}", sources.join(", then ")));
    }
    lines.extend(benefit.channels.iter().map(|way| channel(way, benefit)));
    lines
}

fn channel(channel: &Channel, benefit: &Benefit) -> String {
    let span = span(Some(channel.from), Some(channel.to));
    let only = match channel.merchant_categories == benefit.merchant_categories {
        true => String::new(),
        false => format!(", only {}", categories(channel.merchant_categories)),
    };
    format!("  {} {span}, {}{only}", channel.id, channel.hours)
}

fn source(source: &FundingSource) -> String {
    match source.up_to {
        Some(up_to) => format!("{} up to {} baht", source.source, baht(up_to.get())),
        None => source.source.to_string(),
    }
}

fn amounts(caps: &Caps) -> String {
    let amount = |(period, cap): (CapPeriod, satang_core::money::Satang)| {
        let period = match period {
            CapPeriod::Day => "a day",
            CapPeriod::Month => "a month",
            CapPeriod::Quarter => "a quarter",
            CapPeriod::Program => "in all",
        };
        format!("{} baht {period}", baht(cap.get()))
    };
    caps.iter().map(amount).collect::<Vec<_>>().join(", ")
}

fn categories(categories: CategorySet) -> String {
    let names: Vec<&str> = categories.iter().map(|category| category.name()).collect();
    names.join(", ")
}

fn span(from: Option<BusinessDate>, to: Option<BusinessDate>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("from {} to {}", date(from), date(to)),
        (Some(from), None) => format!("from {}", date(from)),
        (None, Some(to)) => format!("to {}", date(to)),
        (None, None) => "at any time".into(),
    }
}

/// A day as the letters write it, and as the file does.
fn date(date: BusinessDate) -> String {
    format!("{} ({date})", thai_date(date))
}

fn instant(at: Instant) -> String {
    format!("{}, {}", date(at.business_date()), &at.to_string()[11..16])
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    Grouped(number.into()).to_string()
}

fn list(names: &[impl Display]) -> String {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn the_shipped_programmes_read_as_their_letters_do() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../programs");
        let files = read_programs(folder.as_ref()).unwrap();
        let programs = check_programs(&files).unwrap();
        let text = programs.iter().flat_map(|(file, program)| {
            let file = file.rsplit('/').next().unwrap();
            description(file, program)
        });
        let text: Vec<String> = text.collect();
        expect_file!["tests_programs.txt"].assert_eq(&(text.join("\n") + "\n"));
    }
}
