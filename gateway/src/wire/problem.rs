//! Problem details (RFC 9457): every answer that is no decision.

pub use satang_api::FieldError;

/// The most faults one problem names; a body of a million unknown keys does not make an answer of a million lines.
pub const ERRORS_MAX: usize = 16;

/// An answer that is no decision, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: u16,
    /// What kind of problem it is: the `code`, and the end of the `type`. Permanent.
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// What happened this time; may be empty.
    pub detail: String,
    /// The fields at fault, at most [`ERRORS_MAX`].
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem without fields.
    pub fn new(status: u16, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            kind,
            title,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 400: the request is malformed in these fields.
    pub fn malformed(errors: Vec<FieldError>) -> Problem {
        let detail = match errors.as_slice() {
            [one] if one.field.is_empty() => format!("the body {}", one.reason),
            [one] => format!("{} {}", one.field, one.reason),
            several => format!("{} faults", several.len()),
        };
        Problem {
            errors,
            ..Problem::new(400, "malformed", "The request is malformed.", detail)
        }
    }

    /// 400: one field is malformed.
    pub fn malformed_field(field: &str, reason: impl Into<String>) -> Problem {
        Problem::malformed(vec![FieldError {
            field: field.into(),
            reason: reason.into(),
        }])
    }

    /// 400: a programme file is wrong; which, and what is wrong with it.
    pub fn programs_refused(detail: impl Into<String>) -> Problem {
        let title = "The programme files are refused; nothing was changed.";
        Problem::new(400, "programs_refused", title, detail)
    }

    /// 415: the body is in a format or coding that the route does not take.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Problem {
        let title = "The route does not take such a body.";
        Problem::new(415, "unsupported_media_type", title, detail)
    }

    /// 403: the id is another acquirer's than the key's.
    pub fn other_acquirer() -> Problem {
        let detail = "the id is another acquirer's; nothing was changed";
        Problem::new(403, "other_acquirer", "The id is another acquirer's.", detail)
    }

    /// 404: nothing of that id.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(404, "not_found", "There is no such thing.", detail)
    }

    /// 409: the id came before with other content.
    pub fn txn_id_conflict() -> Problem {
        let detail = "this txn_id was used before with other content; nothing was changed";
        Problem::new(409, "txn_id_conflict", "The txn_id has other content.", detail)
    }

    /// 409: the id came before with other content.
    pub fn reversal_id_conflict() -> Problem {
        let detail = "this reversal_id was used before with other content; nothing was changed";
        Problem::new(
            409,
            "reversal_id_conflict",
            "The reversal_id has other content.",
            detail,
        )
    }

    /// 409: the id came before with other content.
    pub fn registration_id_conflict() -> Problem {
        let detail = "this registration_id was used before with other content; nothing was changed";
        Problem::new(
            409,
            "registration_id_conflict",
            "The registration_id has other content.",
            detail,
        )
    }

    /// 409: a simulated clock does not go back.
    pub fn clock_refused(detail: impl Into<String>) -> Problem {
        Problem::new(409, "clock_refused", "The clock does not go back.", detail)
    }

    /// 413: the body is larger than the gateway takes.
    pub fn body_too_large(detail: impl Into<String>) -> Problem {
        Problem::new(413, "body_too_large", "The body is too large.", detail)
    }

    /// 503: too much is in flight; sent with `Retry-After`.
    pub fn overloaded() -> Problem {
        let detail = "too many requests are in flight; nothing was decided, send the request again";
        Problem::new(503, "overloaded", "The engine is overloaded.", detail)
    }

    /// 503: the outcome may or may not be durable.
    pub fn storage_failed() -> Problem {
        let detail = "the outcome is unknown; send the request again with the same id";
        Problem::new(503, "storage_failed", "The journal cannot be written.", detail)
    }

    /// The body of the answer.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(&mut out);
        out
    }

    /// Appends the body of the answer, as it stands in the results of a batch too.
    pub fn write(&self, out: &mut Vec<u8>) {
        let body = satang_api::Problem {
            r#type: format!("urn:satang:problem:{}", self.kind).into(),
            code: self.kind.into(),
            title: self.title.into(),
            status: self.status.into(),
            detail: (!self.detail.is_empty()).then(|| self.detail.clone().into()),
            errors: (!self.errors.is_empty()).then(|| self.errors.clone()),
        };
        serde_json::to_writer(out, &body).expect("a vector takes every byte and the body has no maps");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_kind_and_its_fields() {
        let problem = Problem::malformed_field("amount", "must be a whole number");
        assert_eq!(
            String::from_utf8(problem.to_json()).unwrap(),
            concat!(
                r#"{"type":"urn:satang:problem:malformed","code":"malformed","title":"The request is malformed.","#,
                r#""status":400,"detail":"amount must be a whole number","#,
                r#""errors":[{"field":"amount","reason":"must be a whole number"}]}"#
            )
        );
    }

    #[test]
    fn a_problem_without_fields_has_no_errors() {
        let text = String::from_utf8(Problem::txn_id_conflict().to_json()).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"type":"urn:satang:problem:txn_id_conflict","code":"txn_id_conflict","#,
                r#""title":"The txn_id has other content.","status":409,"#,
                r#""detail":"this txn_id was used before with other content; nothing was changed"}"#
            )
        );
    }
}
