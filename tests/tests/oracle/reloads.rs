//! The random changes of programme files give programme files.

use satang_tests::generate::programmes::{random_files, shipped};
use satang_tests::generate::random::Random;
use satang_tests::generate::{Generator, Step};
use satang_tests::oracle::Model;
use satang_tests::oracle::calendar::Date;
use satang_tests::oracle::programme::Programme;

#[test]
fn every_changed_file_can_be_read() {
    let day = Date::new(2026, 6, 15).unwrap();
    let (mut deadlines, mut none, mut coming, mut vanished) = (0, 0, 0, 0);
    for seed in 0..40 {
        let files = match seed % 4 {
            0 => shipped(),
            _ => random_files(&mut Random::new(seed), 3, day),
        };
        let model = Model::new(&files, "2026-06-15T12:00:00.250+07:00");
        let mut generator = Generator::new(seed, &files);
        for _ in 0..50 {
            let (Step::Reload(changed)
            | Step::Down {
                programmes: changed, ..
            }) = generator.change_files(&model)
            else {
                panic!("the files do not change");
            };
            vanished += files.len() - changed.len();
            for (name, text) in changed {
                let programme = Programme::read(&text).unwrap_or_else(|why| panic!("{name}: {why}\n{text}"));
                coming += usize::from(programme.effective_from.is_some_and(|from| from > day));
                let Some(registration) = programme.registration else {
                    continue;
                };
                *match registration.first_use_by {
                    Some(_) => &mut deadlines,
                    None => &mut none,
                } += 1;
            }
        }
    }
    assert!(
        deadlines > 1_000 && none > 500,
        "{deadlines} with, {none} without"
    );
    assert!(
        coming > 300 && vanished > 100,
        "{coming} to come, {vanished} gone"
    );
}
