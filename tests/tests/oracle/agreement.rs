//! The product and the oracle agree: a slice of the campaign that docs/TESTING.md records.

use satang_tests::campaign::{System, World, play, run};
use satang_tests::generate::random::seed;
use satang_tests::generate::{Step, programmes::shipped};
use satang_tests::oracle::calendar::Instant;
use satang_tests::system::InProcess;

#[test]
fn the_product_agrees_with_the_oracle() {
    let seed = seed("oracle", 20_260_601);
    let mut make = |programmes: &[(String, String)], start: &str| {
        Box::new(InProcess::new(programmes, start)) as Box<dyn System>
    };
    match run(seed, 30_000, &mut make) {
        Ok(stats) => assert!(
            stats.steps >= 30_000 && stats.restarts > 100 && stats.replays > 1_000 && stats.old_replays > 500,
            "{stats:?}"
        ),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn files_change_under_the_product_and_while_it_is_down() {
    let files = shipped();
    let changed = |key: &str, value: &str| -> Vec<(String, String)> {
        let line = format!("{key} = {value}\nname_en = ");
        let put = |text: &String| text.replacen("name_en = ", &line, 1);
        files
            .iter()
            .map(|(name, text)| (name.clone(), put(text)))
            .collect()
    };
    let look = |path: &str| Step::Call {
        method: "GET",
        path: path.to_owned(),
        body: String::new(),
    };
    let now = |text: &str| Instant::parse(text).expect("an instant");
    let world = World {
        programmes: files.clone(),
        start: "2026-06-15T12:00:00+07:00".to_owned(),
    };
    let steps = [
        look("/v1/programs"),
        Step::Reload(changed("effective_from", "2026-06-16")),
        Step::Reload(files[..1].to_vec()),
        look("/v1/programs"),
        look("/v1/programs/thai-chuai-thai-plus-6040"),
        Step::Restart,
        Step::Down {
            programmes: changed("effective_from", "2026-06-18"),
            now: now("2026-06-17T06:00:00+07:00"),
        },
        look("/v1/programs"),
        Step::Down {
            programmes: files.clone(),
            now: now("2026-06-19T06:00:00+07:00"),
        },
        look("/v1/programs"),
    ];
    let mut make = |programmes: &[(String, String)], start: &str| {
        Box::new(InProcess::new(programmes, start)) as Box<dyn System>
    };
    let wrong = play(&world, &steps, &mut make);
    assert!(wrong.is_none(), "{wrong:#?}");
}
