//! What a client sends so that it finds its request again: `X-Request-Id`, and `traceparent` of W3C Trace Context. Both come back in
//! the answer as they came, whatever its status, and stand in the lines that tell of a refused request. They decide nothing.
//!
//! The answer's field is `traceparent`, too: `traceresponse` is a draft, and would name a span of the server's own, which has none.

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;
use tracing::field::{Empty, display};

/// The field of a request's id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The field of the place in a trace.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest `X-Request-Id`: it is kept for as long as the request, and written into logs.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The ids of one request, at least one of them. What is no such id, or stands there twice, is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation {
    request_id: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
}

impl Correlation {
    /// The ids among a request's fields; most requests have none.
    pub fn of(headers: &HeaderMap) -> Option<Box<Correlation>> {
        // A look at each name costs less than two look-ups.
        let is_ours = |name: &HeaderName| *name == X_REQUEST_ID || *name == TRACEPARENT;
        match headers.keys().any(is_ours) {
            true => Correlation::read(headers),
            false => None,
        }
    }

    #[cold]
    fn read(headers: &HeaderMap) -> Option<Box<Correlation>> {
        let found = Correlation {
            request_id: only(headers, &X_REQUEST_ID, is_request_id),
            traceparent: only(headers, &TRACEPARENT, is_traceparent),
        };
        let is_empty = found.request_id.is_none() && found.traceparent.is_none();
        (!is_empty).then(|| Box::new(found))
    }

    /// 1 to 128 visible characters of ASCII.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref().map(text)
    }

    /// The trace-id of `traceparent`: 32 hex digits in lower case.
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_ref().map(|value| &text(value)[3..35])
    }

    /// A span under which every log line names the ids.
    pub fn span(&self) -> Span {
        let span = tracing::error_span!("request", request_id = Empty, trace_id = Empty);
        for (field, id) in [("request_id", self.request_id()), ("trace_id", self.trace_id())] {
            if let Some(id) = id {
                span.record(field, display(id));
            }
        }
        span
    }

    /// Puts the ids into the fields of an answer.
    pub(super) fn echo(self, fields: &mut HeaderMap) {
        for (name, value) in [(X_REQUEST_ID, self.request_id), (TRACEPARENT, self.traceparent)] {
            if let Some(value) = value {
                fields.insert(name, value);
            }
        }
    }
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().expect("an id is visible ASCII")
}

/// The value of a field that stands there once, if it is one.
fn only(headers: &HeaderMap, name: &HeaderName, is_one: impl Fn(&[u8]) -> bool) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    (values.next().is_none() && is_one(value.as_bytes())).then(|| value.clone())
}

fn is_request_id(value: &[u8]) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

/// Version 00 (W3C Trace Context, 3.2): `00-TRACE-PARENT-FLAGS`, hex digits in lower case, neither id all zeros.
fn is_traceparent(value: &[u8]) -> bool {
    let is_hex = |id: &[u8]| id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |id: &[u8]| is_hex(id) && id.iter().any(|byte| *byte != b'0');
    value.len() == 55
        && value.starts_with(b"00-")
        && is_id(&value[3..35])
        && value[35] == b'-'
        && is_id(&value[36..52])
        && value[52] == b'-'
        && is_hex(&value[53..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(fields: &[(&'static str, &str)]) -> Option<Correlation> {
        let mut headers = HeaderMap::new();
        headers.append("host", HeaderValue::from_static("x"));
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Correlation::of(&headers).map(|found| *found)
    }

    #[test]
    fn visible_ascii_up_to_128_characters_is_a_request_id_and_nothing_else() {
        let longest = "x".repeat(128);
        let all: String = ('!'..='~').collect();
        for good in ["a", &all, &longest] {
            let found = of(&[("x-request-id", good)]).expect("an id");
            assert_eq!((found.request_id(), found.trace_id()), (Some(good), None));
        }
        let too_long = "x".repeat(129);
        for bad in ["", "a b", "a\tb", "ก", &too_long] {
            assert_eq!(of(&[("x-request-id", bad)]), None, "{bad:?}");
        }
        assert_eq!(of(&[("x-request-id", "a"), ("x-request-id", "a")]), None, "twice");
        assert_eq!(of(&[("request-id", "a")]), None, "another field");
    }

    #[test]
    fn version_00_to_the_letter_is_a_traceparent_and_nothing_else() {
        let found = of(&[("traceparent", TRACE)]).expect("an id");
        assert_eq!(found.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(found.request_id(), None);
        let bad = [
            TRACE.replacen("00-", "01-", 1),
            TRACE.replacen("00-", "ff-", 1),
            TRACE.to_uppercase(),
            TRACE.replace('-', "_"),
            TRACE.replace("4736-", "473g-"),
            TRACE.replace("02b7-", "02bg-"),
            TRACE.replace("-01", "-0x"),
            TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            TRACE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            format!("{TRACE}-more"),
            TRACE[..54].to_owned(),
            String::new(),
        ];
        for bad in bad {
            assert_eq!(of(&[("traceparent", &bad)]), None, "{bad}");
        }
        assert_eq!(
            of(&[("traceparent", TRACE), ("traceparent", TRACE)]),
            None,
            "twice"
        );
    }

    #[test]
    fn one_wrong_id_does_not_hide_the_other() {
        let found = of(&[("x-request-id", "a b"), ("traceparent", TRACE)]).expect("an id");
        assert_eq!((found.request_id(), found.trace_id().is_some()), (None, true));
        assert_eq!(of(&[("accept", "*/*")]), None);
    }
}
