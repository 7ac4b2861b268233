//! Which version of a programme counts: files that are read again, versions that are yet to come, and the deadlines
//! that strike while a version counts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Model;
use super::calendar::Instant;
use super::programme::Programme;

impl Model {
    /// Reads the programme files again, all at once.
    ///
    /// # Errors
    /// What is wrong with a file; nothing changes then.
    pub fn reload(&mut self, programme_texts: &[(String, String)]) -> Result<Value, String> {
        Ok(self.put_in_force(read_all(programme_texts)?))
    }

    /// Puts these programmes in force, and no others. Whoever's deadline has passed in a version that counts from this
    /// moment on loses the right at this moment.
    pub fn put_in_force(&mut self, programmes: Vec<Programme>) -> Value {
        let today = self.today();
        let mut shown = Vec::new();
        let mut ids = BTreeSet::new();
        for programme in programmes {
            let id = programme.id.clone();
            let before = self.newest(&id).map(|newest| newest.text.clone());
            shown.push(json!({
                "id": id,
                "changed": before != Some(programme.text.clone()),
                "effective_from": programme.effective_from.map(|day| day.to_string()),
            }));
            ids.insert(id.clone());
            self.coming.remove(&id);
            if programme.effective_from.is_some_and(|day| today < day) {
                self.coming.insert(id, programme);
            } else {
                self.programmes.insert(id, programme);
            }
        }
        let known: BTreeSet<String> = self.programmes().map(|programme| programme.id.clone()).collect();
        let removed: Vec<&String> = known.difference(&ids).collect();
        self.programmes.retain(|id, _| ids.contains(id));
        self.coming.retain(|id, _| ids.contains(id));
        self.strike(self.now);
        json!({ "$subset": { "programs": shown, "removed": removed } })
    }

    /// The version that counts last: one that is yet to come, or the one that counts today.
    fn newest(&self, id: &str) -> Option<&Programme> {
        self.coming.get(id).or(self.programmes.get(id))
    }

    /// What is shown of a programme, and what an import goes by: the version that counts today, or else the one to come.
    pub fn version_to_show(&self, id: &str) -> Option<&Programme> {
        self.programmes.get(id).or(self.coming.get(id))
    }

    /// Lets the time pass until `now`: deadlines strike, and versions take the place of others at midnight.
    pub fn pass_time(&mut self, now: Instant) {
        let mut begins: Vec<(Instant, String)> = Vec::new();
        for (id, programme) in &self.coming {
            let day = programme.effective_from.expect("who is to come has a first day");
            if day <= now.date() {
                begins.push((day.midnight(), id.clone()));
            }
        }
        begins.sort();
        for (begin, id) in begins {
            // The earlier version counted until the last millisecond of the day before.
            self.strike(Instant(begin.0 - 1));
            let programme = self.coming.remove(&id).expect("it was to come");
            self.programmes.insert(id, programme);
        }
        self.strike(now);
        self.now = now;
    }

    /// Ends every right that was registered before a deadline and never used, where the deadline has come by `now` in the
    /// version that counts then. What has lapsed stays so.
    fn strike(&mut self, now: Instant) {
        for ((citizen_id, program), right) in &mut self.rights {
            let Some(programme) = self.programmes.get(program) else {
                continue;
            };
            let deadline = right.first_use_by(programme);
            let holder = (citizen_id.clone(), program.clone());
            let was_used = self.first_uses.contains_key(&holder);
            if deadline.is_some_and(|deadline| deadline <= now) && !was_used {
                if !right.has_lapsed {
                    right.lapsed_by = deadline;
                }
                right.has_lapsed = true;
            }
        }
    }
}

/// Reads every file.
pub fn read_all(programme_texts: &[(String, String)]) -> Result<Vec<Programme>, String> {
    let read = |(file_name, text): &(String, String)| {
        Programme::read(text).map_err(|reason| format!("{file_name}: {reason}"))
    };
    programme_texts.iter().map(read).collect()
}
