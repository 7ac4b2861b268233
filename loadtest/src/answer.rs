//! Reads the few facts the report counts out of an answer's JSON, without parsing all of it: the client must stay
//! cheap next to the server it measures. Tests hold it against the shapes of `satang-api`.

/// One decided element of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// `approved` or `declined`; of a registration `accepted` or `rejected`.
    pub decision: &'a [u8],
    pub reason: &'a [u8],
    /// The place of an accepted registration.
    pub ticket: Option<u64>,
}

/// Finds keys, trying first where the key was last time: answers of one shape keep their offsets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner {
    decision_at: usize,
    reason_at: usize,
    txn_id_at: usize,
    registration_id_at: usize,
    reversal_id_at: usize,
}

impl Scanner {
    /// The outcome of a single answer.
    pub fn outcome<'a>(&mut self, body: &'a [u8]) -> Option<Outcome<'a>> {
        let decision = string_of(body, b"\"decision\"", &mut self.decision_at)?;
        let reason = string_of(body, b"\"reason\"", &mut self.reason_at)?;
        let ticket = ticket_behind(body, self.reason_at, reason);
        Some(Outcome {
            decision,
            reason,
            ticket,
        })
    }

    /// The `registration_id` of a single answer.
    pub fn registration_id<'a>(&mut self, body: &'a [u8]) -> Option<&'a [u8]> {
        string_of(body, b"\"registration_id\"", &mut self.registration_id_at)
    }

    /// The `reversal_id` of a single answer.
    pub fn reversal_id<'a>(&mut self, body: &'a [u8]) -> Option<&'a [u8]> {
        string_of(body, b"\"reversal_id\"", &mut self.reversal_id_at)
    }

    /// The `txn_id` of a single answer.
    pub fn txn_id<'a>(&mut self, body: &'a [u8]) -> Option<&'a [u8]> {
        string_of(body, b"\"txn_id\"", &mut self.txn_id_at)
    }
}

/// The ids (under `id_key`, quotes included) and outcomes of a batch, in order; elements answered with a problem have none.
///
/// The server writes an element's id in front of its decision.
pub fn batch_outcomes<'a>(
    body: &'a [u8],
    id_key: &'a [u8],
) -> impl Iterator<Item = (&'a [u8], Outcome<'a>)> + use<'a> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let id = loop {
            let at = rest.windows(id_key.len()).position(|window| window == id_key)?;
            // A problem names the field as a value: then no colon follows.
            match string_of(&rest[at..], id_key, &mut 0) {
                Some(id) => {
                    rest = &rest[at + id_key.len()..];
                    break id;
                }
                None => rest = &rest[at + id_key.len()..],
            }
        };
        let (mut at, mut reason_at) = (0, 0);
        let decision = string_of(rest, b"\"decision\"", &mut at)?;
        rest = &rest[at + b"\"decision\"".len()..];
        let reason = string_of(rest, b"\"reason\"", &mut reason_at)?;
        let ticket = ticket_behind(rest, reason_at, reason);
        let outcome = Outcome {
            decision,
            reason,
            ticket,
        };
        Some((id, outcome))
    })
}

/// The `code` of a problem (RFC 9457), when it is a word of `a-z 0-9 _`.
pub fn problem_code(body: &[u8]) -> Option<&str> {
    let code = std::str::from_utf8(string_of(body, b"\"code\"", &mut 0)?).ok()?;
    let is_word = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (code.len() <= 64 && code.bytes().all(is_word)).then_some(code)
}

/// The ticket, which is the key behind the reason where there is one; `reason_at` is the reason's key.
fn ticket_behind(body: &[u8], reason_at: usize, reason: &[u8]) -> Option<u64> {
    let value = after_colon(&body[reason_at + b"\"reason\"".len()..])?;
    let behind = value.get(reason.len() + 2..)?.trim_ascii_start();
    let next_key = behind.strip_prefix(b",")?.trim_ascii_start();
    let number = after_colon(next_key.strip_prefix(b"\"ticket\"")?)?;
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
    let ticket = digits.fold(0u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    number.first()?.is_ascii_digit().then_some(ticket)
}

/// Whether the answer says `"replayed": true`. The key comes last, so the search begins at the end.
pub fn is_replayed(body: &[u8]) -> bool {
    let key = b"\"replayed\"";
    let Some(at) = (0..body.len().saturating_sub(key.len()))
        .rev()
        .find(|at| body[*at..].starts_with(key))
    else {
        return false;
    };
    after_colon(&body[at + key.len()..]).is_some_and(|value| value.starts_with(b"true"))
}

/// The instant `decided_at` names, in ms since 1970.
pub fn decided_at_unix_ms(body: &[u8]) -> Option<u64> {
    let text = string_of(body, b"\"decided_at\"", &mut 0)?;
    unix_ms(std::str::from_utf8(text).ok()?)
}

/// The value of the first `key`, when it is a string without escapes.
fn string_of<'a>(body: &'a [u8], key: &[u8], hint: &mut usize) -> Option<&'a [u8]> {
    if !body.get(*hint..).is_some_and(|rest| rest.starts_with(key)) {
        *hint = body.windows(key.len()).position(|window| window == key)?;
    }
    let value = after_colon(&body[*hint + key.len()..])?.strip_prefix(b"\"")?;
    value
        .iter()
        .position(|byte| *byte == b'"')
        .map(|end| &value[..end])
}

fn after_colon(rest: &[u8]) -> Option<&[u8]> {
    Some(rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())
}

/// Reads RFC 3339 with a numeric offset or `Z`, as the server writes it.
fn unix_ms(text: &str) -> Option<u64> {
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let seconds = field(11, 13)? * 3600 + field(14, 16)? * 60 + field(17, 19)?;
    let (fraction, offset) = {
        let rest = text.get(19..)?;
        let at = rest.find(['+', '-', 'Z'])?;
        rest.split_at(at)
    };
    let ms = match fraction.strip_prefix('.') {
        Some(digits) => format!("{digits:0<3}").get(..3)?.parse::<i64>().ok()?,
        None => 0,
    };
    let offset_s = if offset == "Z" {
        0
    } else {
        let sign = if offset.starts_with('-') { -1 } else { 1 };
        sign * (offset.get(1..3)?.parse::<i64>().ok()? * 3600 + offset.get(4..6)?.parse::<i64>().ok()? * 60)
    };
    // Days since 1970 of a Gregorian date, with the year counted from March.
    let march_year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let days = 365 * march_year + march_year / 4 - march_year / 100
        + march_year / 400
        + (153 * month_from_march + 2) / 5
        + day
        - 1
        - 719_468;
    u64::try_from((days * 86_400 + seconds - offset_s) * 1000 + ms).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use satang_api as api;

    fn purchase(reason: &'static str) -> api::Authorization {
        api::Authorization {
            txn_id: "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10".into(),
            decision: match reason {
                "approved" => api::Decision::Approved,
                _ => api::Decision::Declined,
            },
            reason: reason.into(),
            response_code: "00".into(),
            state_amount: 13_200,
            citizen_amount: 11_800,
            limited_by: None.into(),
            remaining: None,
            funding: None,
            business_date: "2026-06-15".into(),
            decided_at: "2026-06-15T12:00:00.123+07:00".into(),
            expires_at: None,
            sequence: 7,
            replayed: true,
        }
    }

    fn registration(ticket: Option<u64>) -> api::RegistrationAnswer {
        let (decision, reason) = match ticket {
            Some(_) => (api::Verdict::Accepted, "accepted"),
            None => (api::Verdict::Rejected, "quota_full"),
        };
        api::RegistrationAnswer {
            registration_id: "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12".into(),
            decision,
            reason: reason.into(),
            ticket,
            registered_at: ticket.map(|_| "2026-05-25T12:00:00+07:00".into()),
            sequence: 8,
            replayed: false,
        }
    }

    fn problem() -> api::Problem {
        api::Problem {
            r#type: "urn:satang:problem:txn_id_conflict".into(),
            code: "txn_id_conflict".into(),
            title: "The txn_id has other content.".into(),
            status: 409,
            detail: None,
            errors: None,
        }
    }

    fn written(answer: &impl serde::Serialize) -> Vec<u8> {
        serde_json::to_vec(answer).unwrap()
    }

    #[test]
    fn what_is_scanned_is_what_the_shapes_say() {
        let mut scanner = Scanner::default();
        for reason in ["approved", "wallet_unknown"] {
            let answer = purchase(reason);
            let body = written(&answer);
            let outcome = scanner.outcome(&body).unwrap();
            assert_eq!(outcome.reason, answer.reason.as_bytes());
            assert_eq!(outcome.decision == b"approved", reason == "approved");
            assert_eq!(scanner.txn_id(&body), Some(answer.txn_id.as_bytes()));
            assert_eq!(is_replayed(&body), answer.replayed);
            assert_eq!(decided_at_unix_ms(&body), Some(1_781_499_600_123));
        }
        for ticket in [Some(1207), None] {
            let answer = registration(ticket);
            let body = written(&answer);
            assert_eq!(scanner.outcome(&body).unwrap().ticket, ticket);
            assert_eq!(
                scanner.registration_id(&body),
                Some(answer.registration_id.as_bytes())
            );
            assert!(!is_replayed(&body));
        }
        assert_eq!(problem_code(&written(&problem())), Some("txn_id_conflict"));
        let results = vec![
            api::BatchResult::Outcome(purchase("approved")),
            api::BatchResult::Problem(problem()),
            api::BatchResult::Outcome(purchase("wallet_unknown")),
        ];
        let body = written(&api::Batch { results });
        let reasons: Vec<&[u8]> = batch_outcomes(&body, b"\"txn_id\"")
            .map(|(_, outcome)| outcome.reason)
            .collect();
        assert_eq!(reasons, [&b"approved"[..], b"wallet_unknown"]);
    }

    #[test]
    fn outcomes_are_found_with_and_without_spaces_and_at_new_offsets() {
        let mut scanner = Scanner::default();
        for body in [
            &br#"{ "txn_id": "0197a1d2", "decision": "approved", "reason": "approved" }"#[..],
            br#"{"txn_id":"0197a1d2","decision":"approved","reason":"approved"}"#,
            br#"{"x":1,"decision":"approved","reason":"approved","txn_id":"0197a1d2"}"#,
        ] {
            assert_eq!(
                scanner.outcome(body),
                Some(Outcome {
                    decision: b"approved",
                    reason: b"approved",
                    ticket: None,
                })
            );
            assert_eq!(scanner.txn_id(body), Some(&b"0197a1d2"[..]));
        }
        assert_eq!(scanner.outcome(b"{\"title\":\"x\"}"), None);
        assert_eq!(scanner.outcome(b""), None);
    }

    #[test]
    fn a_batch_yields_its_ids_and_outcomes_and_skips_problems() {
        let body = br#"{"results":[{"txn_id":"1","decision":"approved","reason":"approved"},
            {"title":"malformed","errors":[{"field":"txn_id","reason":"is missing"}]},
            { "txn_id": "2", "decision": "declined", "reason": "wallet_unknown" }]}"#;
        let found: Vec<_> = batch_outcomes(body, b"\"txn_id\"")
            .map(|(id, outcome)| (id, outcome.reason))
            .collect();
        assert_eq!(found, [(&b"1"[..], &b"approved"[..]), (b"2", b"wallet_unknown")]);
    }

    #[test]
    fn the_code_of_a_problem_is_found_and_nothing_else_is_one() {
        assert_eq!(
            problem_code(br#"{"type":"x","code":"disk_full","status":503}"#),
            Some("disk_full")
        );
        for body in [&b""[..], b"<html>", br#"{"code":"<b>"}"#, br#"{"code":7}"#] {
            assert_eq!(problem_code(body), None);
        }
    }

    #[test]
    fn tickets_and_ids_of_registrations_are_found() {
        let one = br#"{"registration_id":"0197a1d2","decision":"accepted","reason":"accepted","ticket":1207,"registered_at":"x"}"#;
        let mut scanner = Scanner::default();
        assert_eq!(scanner.outcome(one).unwrap().ticket, Some(1207));
        assert_eq!(scanner.registration_id(one), Some(&b"0197a1d2"[..]));
        let spaced = br#"{ "decision": "accepted", "reason": "accepted" , "ticket": 7 }"#;
        assert_eq!(scanner.outcome(spaced).unwrap().ticket, Some(7));
        let batch = br#"{"results":[{"id":"1","decision":"accepted","reason":"accepted","ticket":1},{"id":"2","decision":"rejected","reason":
            "quota_full","sequence":4},{"id":"3","decision":"accepted","reason":"accepted","ticket":null},{"id":"4","decision":"accepted",
            "reason":"accepted","ticket":22}]}"#;
        let tickets: Vec<_> = batch_outcomes(batch, b"\"id\"")
            .map(|(_, outcome)| outcome.ticket)
            .collect();
        assert_eq!(tickets, [Some(1), None, None, Some(22)]);
    }

    #[test]
    fn a_replay_is_seen() {
        assert!(is_replayed(br#"{"decision":"approved","replayed": true}"#));
        assert!(!is_replayed(br#"{"decision":"approved","replayed":false}"#));
        assert!(!is_replayed(b"{}"));
    }

    #[test]
    fn the_servers_clock_is_read_from_an_answer() {
        let at = |text: &str| decided_at_unix_ms(format!("{{\"decided_at\":\"{text}\"}}").as_bytes());
        assert_eq!(at("1970-01-01T07:00:00+07:00"), Some(0));
        assert_eq!(at("2026-06-15T12:00:00.123+07:00"), Some(1_781_499_600_123));
        assert_eq!(at("2024-02-29T00:00:00Z"), Some(1_709_164_800_000));
        assert_eq!(at("2026-06-15T05:00:00.5-00:00"), Some(1_781_499_600_500));
        assert_eq!(at("yesterday"), None);
    }
}
