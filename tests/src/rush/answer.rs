//! A registration's answer, read strictly.

use serde::Deserialize;
use std::fmt::Write as _;

/// What a registration is answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The id asked for.
    pub registration_id: String,
    /// `accepted` or `rejected`.
    pub decision: String,
    /// `accepted`, or the first check that failed.
    pub reason: String,
    /// The place, when accepted.
    pub ticket: Option<u64>,
    /// The second of the decision, when accepted.
    pub registered_at: Option<String>,
    /// Position in the journal.
    pub sequence: u64,
    /// Whether it was given before.
    pub replayed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Results {
    results: Vec<Answer>,
}

impl Answer {
    /// Reads the answer to one registration.
    ///
    /// # Panics
    /// When it has another shape, or its keys another order.
    pub fn read(text: &str) -> Answer {
        let answer: Answer = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(
            answer.text(),
            text,
            "the answer to a registration is written another way"
        );
        answer
    }

    /// Reads the answers to a batch.
    ///
    /// # Panics
    /// When one has another shape.
    pub fn read_batch(text: &str) -> Vec<Answer> {
        let results: Results = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("{error}: {}", text.chars().take(500).collect::<String>()));
        results.results
    }

    /// The answer as it is written.
    pub fn text(&self) -> String {
        let mut text = format!(
            r#"{{"registration_id":"{}","decision":"{}","reason":"{}""#,
            self.registration_id, self.decision, self.reason
        );
        if let Some(ticket) = self.ticket {
            let _ = write!(text, r#","ticket":{ticket}"#);
        }
        if let Some(registered_at) = &self.registered_at {
            let _ = write!(text, r#","registered_at":"{registered_at}""#);
        }
        let _ = write!(
            text,
            r#","sequence":{},"replayed":{}}}"#,
            self.sequence, self.replayed
        );
        text
    }
}
