//! Every refusal says what happened, to what, and what to do.

use crate::Place;
use campaigns_runtime::embedded::{EmbeddedError, EmbeddedPostgres, Options};

#[test]
fn a_folder_in_use_names_its_owner() {
    let place = Place::new();
    let server = place.start();
    let error = EmbeddedPostgres::start(&place.dir).expect_err("it is in use");
    assert!(matches!(error, EmbeddedError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(server.runs(), "the first one is untouched");
}

#[test]
fn data_of_another_version_is_refused_and_left_as_it_was() {
    let place = Place::new();
    place.start().stop().expect("it stops");
    let path = place.dir.join("data/PG_VERSION");
    std::fs::write(&path, "9\n").expect("an old version");
    let error = EmbeddedPostgres::start(&place.dir).expect_err("another version");
    assert!(matches!(error, EmbeddedError::WrongVersion { .. }), "{error}");
    let words = error.to_string();
    for part in ["made by PostgreSQL 9", "postgresql-9", "CAMPAIGNS_POSTGRES_BIN", "pg_dump", "PostgreSQL 1"]
    {
        assert!(words.contains(part), "{part} is missing in: {words}");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("the version"), "9\n");
}

#[test]
fn a_folder_without_programs_names_it_and_the_package() {
    let place = Place::new();
    let empty = tempfile::tempdir().expect("a folder");
    let options = Options { binaries: Some(empty.path().to_owned()), ..Options::default() };
    let words = EmbeddedPostgres::start_with(&place.dir, &options).expect_err("nothing to run").to_string();
    assert!(words.contains(&empty.path().display().to_string()), "{words}");
    assert!(words.contains("apt-get install postgresql"), "{words}");
}

#[test]
fn a_server_that_cannot_start_shows_its_own_words() {
    let place = Place::new();
    place.start().stop().expect("it stops");
    std::fs::write(place.dir.join("data/postgresql.conf"), "no_such_setting = 1\n").expect("a broken file");
    let error = EmbeddedPostgres::start(&place.dir).expect_err("a broken configuration");
    assert!(matches!(error, EmbeddedError::NotStarted { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn a_file_in_place_of_the_folder_is_named() {
    let outer = tempfile::tempdir().expect("a folder");
    let file = outer.path().join("db");
    std::fs::write(&file, "").expect("a file");
    let words = EmbeddedPostgres::start(&file).expect_err("not a folder").to_string();
    assert!(words.contains(&file.display().to_string()), "{words}");
}
