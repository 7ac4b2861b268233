//! Programme files that change: deadlines put off, brought forward or taken out, quotas, versions that are yet to come,
//! files that vanish and come back; under a running system, or while it is down.

use crate::oracle::Model;
use crate::oracle::calendar::Instant;

use super::{Files, Generator, Step};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Generator {
    pub fn change_files(&mut self, model: &Model) -> Step {
        for _ in 0..self.random.between(0, 2) {
            self.change_a_file(model);
        }
        let programmes = self.files.clone();
        if self.random.percent(60) {
            return Step::Reload(programmes);
        }
        let now = self.start(model);
        Step::Down { programmes, now }
    }

    /// At once, some hours later, or about the next deadline.
    fn start(&mut self, model: &Model) -> Instant {
        let now = model.now();
        let deadlines = model.programmes().chain(model.coming());
        let deadlines = deadlines.filter_map(|programme| programme.registration.as_ref()?.first_use_by);
        let next = deadlines.filter(|deadline| *deadline > now).min();
        match (self.random.below(100), next) {
            (0..40, Some(deadline)) => Instant((deadline.0 + self.random.between(-1, 1)).max(now.0)),
            (40..60, _) => Instant(now.0 + self.random.between(0, 30) * HOUR_MS),
            _ => now,
        }
    }

    fn change_a_file(&mut self, model: &Model) {
        let mut at = self.random.below(self.files.len() as u64) as usize;
        let gone = self
            .first_files
            .iter()
            .find(|file| self.text_of(&file.0).is_none());
        if let Some(gone) = gone.cloned()
            && self.random.percent(60)
        {
            // It comes back, mostly with other words.
            self.files.push(gone);
            at = self.files.len() - 1;
        } else if self.files.len() > 1 && self.random.percent(8) {
            self.files.remove(at);
            return;
        }
        let name = self.files[at].0.clone();
        if self.random.percent(6) {
            let first = self.first_files.iter().find(|file| file.0 == name);
            self.files[at].1 = first.expect("every file was there first").1.clone();
            return;
        }
        if self.random.percent(75) {
            let deadline = self.some_deadline(model);
            self.put_line(at, "[registration]", "first_use_by", deadline);
        }
        if self.random.percent(25) {
            let quota = self.random.between(1, 8).to_string();
            self.put_line(at, "[registration]", "quota", Some(quota));
        }
        let day = match self.random.below(100) {
            0..20 => Some(model.now().date().plus_days(self.random.between(1, 3))),
            20..28 => Some(model.now().date().plus_days(self.random.between(-2, 0))),
            _ => None,
        };
        self.put_line(at, "name_en", "effective_from", day.map(|day| day.to_string()));
    }

    fn text_of(&self, name: &str) -> Option<&String> {
        self.files.iter().find(|file| file.0 == name).map(|file| &file.1)
    }

    /// None at all; some days ahead or behind; or the second that the clock shows, or one of those beside it.
    fn some_deadline(&mut self, model: &Model) -> Option<String> {
        let second = model.now().0.div_euclid(1000) * 1000;
        let at = match self.random.below(100) {
            0..22 => return None,
            22..50 => second + self.random.between(1, 6) * DAY_MS,
            50..70 => second + self.random.between(1, 30) * HOUR_MS,
            70..85 => second - self.random.between(1, 60) * HOUR_MS,
            _ => second + self.random.between(-1, 2) * 1000,
        };
        let text = Instant(at).to_seconds_text();
        Some(text.trim_end_matches("+07:00").to_owned())
    }

    /// Puts a key behind the line that begins so, in the place of that key or anew; or takes it out.
    fn put_line(&mut self, at: usize, behind: &str, key: &str, value: Option<String>) {
        let text = &self.files[at].1;
        if !text.lines().any(|line| line.starts_with(behind)) {
            return;
        }
        let is_key = |line: &&str| line.split('=').next().is_some_and(|name| name.trim() == key);
        let mut lines = Vec::new();
        for line in text.lines().filter(|line| !is_key(line)) {
            lines.push(line.to_owned());
            if let Some(value) = value.as_ref().filter(|_| line.starts_with(behind)) {
                lines.push(format!("{key} = {value}"));
            }
        }
        self.files[at].1 = lines.join("\n") + "\n";
    }
}

/// The files without the one of that name.
pub(crate) fn without_file(files: &Files, name: &str) -> Files {
    files.iter().filter(|file| file.0 != name).cloned().collect()
}
