//! The story: a journal numbers names and benefits for its whole life, and somebody spends them all. Who invents names takes
//! only their own share, what is known already takes none, and no start or reload of the same files fails over it.

use crate::rig::{PROGRAM, RUSH, Rig, citizen, merchant};
use satang_core::ids::{MerchantId, Name};
use satang_core::programme::Category;
use satang_engine::engine::SubmitError;
use satang_engine::session::activation::ActivationError;
use satang_engine::session::admin::{MerchantInput, MerchantRefusal};
use satang_log::storage::MemoryStorage;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn files(count: usize, of: impl Fn(usize) -> String) -> Vec<(String, String)> {
    let file = |number| (format!("p{number}.toml"), of(number));
    (0..count).map(file).collect()
}

#[test]
fn as_many_programmes_as_there_may_be_start_again_and_again() {
    let programs = files(255, |number| {
        PROGRAM.replace("\"fair\"", &format!("\"fair-{number}\""))
    });
    let mut rig = Rig::start(MemoryStorage::default());
    for _ in 0..2 {
        let activated = rig.engine.activate_programs(&programs, None).unwrap();
        assert_eq!(activated.programs.len(), 255);
        rig.flush();
        rig = Rig::start(rig.storage.copy());
    }
    let one_more = files(256, |number| {
        PROGRAM.replace("\"fair\"", &format!("\"fair-{number}\""))
    });
    let refused = rig.engine.activate_programs(&one_more, None).unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, ActivationError::TooMany { .. }), "{text}");
    assert!(
        text.contains("p255.toml") && text.contains("255 different benefits"),
        "{text}"
    );
}

#[test]
fn a_benefit_that_is_renamed_too_often_leaves_the_last_names_in_force() {
    let renamed = |number| PROGRAM.replace("\"co-pay\"", &format!("\"co-pay-{number}\""));
    let mut rig = Rig::start(MemoryStorage::default());
    for number in 0..255 {
        let files = files(1, |_| renamed(number));
        rig.engine.activate_programs(&files, None).unwrap();
        rig.flush();
    }
    let files_of = |number| files(1, |_| renamed(number));
    assert!(rig.engine.activate_programs(&files_of(255), None).is_err());
    let again = Rig::start(rig.storage.copy());
    let unchanged = again.engine.activate_programs(&files_of(254), None).unwrap();
    assert!(!unchanged.programs[0].changed);
}

/// Merchants whose programmes and channels nobody has heard of, until one is refused.
fn invent_names(rig: &mut Rig) -> Name {
    for number in 0..1_000 {
        let invented = (0..100).map(|of| name(&format!("invented-{number}-{of}")));
        let inventor = MerchantInput {
            id: MerchantId::from_number(1_000 + number),
            programs: invented.collect(),
            ..merchant(Category::FoodDrink)
        };
        let (outcomes, _) = rig.engine.put_merchants(&[inventor], None).unwrap();
        rig.flush();
        match outcomes[0] {
            Ok(()) => {}
            Err(MerchantRefusal::Name(refused)) => return refused,
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("names have no bound");
}

#[test]
fn who_invents_names_is_refused_by_name_and_keeps_nobody_else_from_theirs() {
    let mut rig = Rig::prepared();
    let refused = invent_names(&mut rig);
    assert!(refused.as_str().starts_with("invented-"), "{refused}");
    // The line that was refused has a hundred names; one name a time finds what room is left.
    let mut lists = (0..=100).map(|number| name(&format!("list-{number}")));
    let refused = lists.find_map(|list| match rig.engine.import_list(&list, &[citizen(1)], None) {
        Err(SubmitError::TooManyNames { name, .. }) => Some((list, *name)),
        other => other.map(|_| None).unwrap(),
    });
    let (list, refused) = refused.expect("lists have the bound of merchants");
    assert_eq!(refused, list);

    // Known names, files that name new ones, and keys still find room: now, and after a restart.
    let known = MerchantInput {
        province: Some("52".to_owned()),
        ..merchant(Category::FoodDrink)
    };
    rig.engine
        .put_merchants(&[known], Some(&name("new-key")))
        .unwrap()
        .0[0]
        .unwrap();
    let programs = [("rush.toml".to_owned(), RUSH.to_owned())];
    rig.engine.activate_programs(&programs, None).unwrap();
    rig.engine
        .import_list(&name("kept-out"), &[citizen(1)], None)
        .unwrap();
    rig.flush();
    let again = Rig::start(rig.storage.copy());
    let unchanged = again.engine.activate_programs(&programs, None).unwrap();
    assert!(!unchanged.programs[0].changed);
}
