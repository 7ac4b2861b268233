//! Answers that are no decision (RFC 9457).

use crate::shape::{Text, part, shape};

shape! {
    /// Problem details (RFC 9457). Every answer that is no decision.
    pub struct Problem {
        pub r#type: Text,
        pub code: Text,
        pub title: Text,
        pub status: u64,
        pub detail: Option<Text>,
        pub errors: Option<Vec<FieldError>>,
    }
}

part! {
    /// One fault of a request, by the field it lies in.
    pub struct FieldError {
        /// As this document names it; empty when none can be named.
        pub field: String,
        /// Never repeats the value.
        pub reason: String,
    }
}
