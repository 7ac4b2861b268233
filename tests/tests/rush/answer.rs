//! The rush reads an answer to the letter.

use satang_tests::rush::judge::Answer;

const ACCEPTED: &str = r#"{"registration_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"accepted","reason":"accepted","ticket":7,"registered_at":"2026-05-25T08:00:01+07:00","sequence":12,"replayed":false}"#;

#[test]
fn an_answer_is_read_and_written_the_same_way() {
    let answer = Answer::read(ACCEPTED);
    assert_eq!((answer.ticket, answer.sequence), (Some(7), 12));
    let batch = format!(r#"{{"results":[{ACCEPTED},{ACCEPTED}]}}"#);
    assert_eq!(Answer::read_batch(&batch), [answer.clone(), answer]);
}

#[test]
#[should_panic(expected = "written another way")]
fn another_order_of_keys_is_refused() {
    Answer::read(
        r#"{"decision":"rejected","registration_id":"x","reason":"quota_full","sequence":1,"replayed":true}"#,
    );
}

#[test]
#[should_panic(expected = "unknown field")]
fn an_answer_with_more_in_it_is_refused() {
    Answer::read(&ACCEPTED.replace("\"ticket\"", "\"citizen_id\":\"1\",\"ticket\""));
}
