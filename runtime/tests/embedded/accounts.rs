//! Who the server runs as. The tests that change the account need root; as an ordinary user the same code is
//! under every other test of this folder, so they then check that.

use crate::{Owner, Place, execute, is_root, number, open};
use campaigns_runtime::embedded::{EmbeddedError, EmbeddedPostgres};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

#[test]
fn the_server_never_runs_as_root() {
    let place = Place::new();
    let server = place.start();
    let uid = std::fs::metadata(format!("/proc/{}", server.pid())).expect("the process").uid();
    assert_ne!(uid, 0);
    assert_eq!(uid, std::fs::metadata(place.dir.join("data")).expect("the data").uid());
    assert_eq!(uid == rustix::process::geteuid().as_raw(), !is_root());
}

#[test]
fn an_ordinary_user_may_start_one_and_root_may_take_it_over() {
    let place = Place::new();
    let mut command = Command::new(copy_of_the_owner(&place));
    if is_root() {
        std::fs::create_dir(&place.dir).expect("a folder");
        std::os::unix::fs::chown(&place.dir, Some(65_534), Some(65_534)).expect("given away");
        let program = command.get_program().to_owned();
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    }
    let owner = Owner::run(command, &place.dir);
    execute(&owner.url, "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (9)");
    owner.kill();
    let server = EmbeddedPostgres::start(&place.dir).expect("the next start");
    assert_eq!(number(&server.url(), "SELECT n FROM kept"), 9);
}

#[test]
fn a_closed_folder_on_the_way_is_passed_or_named() {
    let place = Place::new();
    open(place.dir.parent().expect("a parent"), 0o700);
    match EmbeddedPostgres::start(&place.dir) {
        Ok(server) => assert_eq!(number(&server.url(), "SELECT 5::bigint"), 5),
        // A machine that withholds the capability.
        Err(error @ EmbeddedError::Closed { .. }) => {
            assert!(error.to_string().contains(&place.dir.parent().expect("a parent").display().to_string()));
        }
        Err(error) => panic!("{error}"),
    }
}

/// The account may not be able to enter the folder that the program was built in. Another process makes the copy: a
/// file that this one has open to write, also by way of a child that another test is just starting, is no program.
fn copy_of_the_owner(place: &Place) -> std::path::PathBuf {
    let copy = place.dir.with_file_name("owner");
    let copied = Command::new("install").args(["-m", "755", "--", crate::OWNER]).arg(&copy).status();
    assert!(copied.expect("install is there").success());
    copy
}
