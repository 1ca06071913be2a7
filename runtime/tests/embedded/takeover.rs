//! What happens to the server and its data when its owner is killed.

use crate::{Owner, Place, await_true, execute, number};
use campaigns_runtime::embedded::EmbeddedPostgres;
use std::process::{Command, Stdio};

#[test]
fn the_server_dies_with_its_owner_and_the_data_is_there_again() {
    let place = Place::new();
    let owner = Owner::of(&place.dir);
    execute(&owner.url, "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (1)");
    owner.kill();
    place.await_silence();

    let server = EmbeddedPostgres::start(&place.dir).expect("the next start");
    assert_eq!(number(&server.url(), "SELECT n FROM kept"), 1);
}

#[test]
fn a_start_right_after_the_kill_waits_for_the_dying_server() {
    let place = Place::new();
    for round in 1..=5 {
        let owner = Owner::of(&place.dir);
        execute(&owner.url, "CREATE TABLE IF NOT EXISTS kept (n bigint)");
        execute(&owner.url, &format!("INSERT INTO kept VALUES ({round})"));
        owner.kill();
    }
    let owner = Owner::of(&place.dir);
    assert_eq!(number(&owner.url, "SELECT count(*) FROM kept"), 5);
    owner.stop();
}

#[test]
fn a_server_that_outlived_its_owner_is_stopped() {
    let place = Place::new();
    let orphan = Orphan::leave(&place);
    let server = place.start();
    assert_ne!(server.pid(), orphan.pid);
    assert_eq!(number(&server.url(), "SELECT n FROM kept"), 3);
    assert!(orphan.has_ended());
}

#[test]
fn children_of_a_killed_server_are_waited_for() {
    let place = Place::new();
    let orphan = Orphan::leave(&place);
    // Its children notice by themselves, a little later; its mark stays.
    rustix::process::kill_process(orphan.process(), rustix::process::Signal::KILL).expect("killed");
    let server = place.start();
    assert_eq!(number(&server.url(), "SELECT n FROM kept"), 3);
}

#[test]
fn a_stale_mark_with_the_number_of_a_living_stranger_is_no_obstacle() {
    let place = Place::new();
    let server = place.start();
    let command_line = command_line(server.pid());
    server.stop().expect("it stops");
    // A stranger of the same account, as the kernel's reuse of numbers may bring about.
    let mut stranger = Command::new("setpriv");
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(place.dir.join("data")).expect("data"));
    if crate::is_root() {
        stranger.args([format!("--reuid={uid}"), "--clear-groups".to_owned()]);
    }
    let mut stranger = stranger.args(["--", "cat"]).stdin(Stdio::piped()).spawn().expect("a stranger");
    let data = place.dir.join("data");
    std::fs::write(
        data.join("postmaster.pid"),
        format!("{}\n{}\n1\n5432\n/nowhere\n\n  0 0\n", stranger.id(), data.display()),
    )
    .expect("a mark");
    let server = place.start();
    assert!(stranger.try_wait().expect("its state").is_none(), "the stranger must be left alone");
    assert_eq!(self::command_line(server.pid()), command_line);
    drop(stranger.stdin.take());
    stranger.wait().expect("its end");
}

#[test]
fn a_first_start_that_was_killed_leaves_nothing_in_the_way() {
    let place = Place::new();
    // Programs of a PostgreSQL that come to half of the data and no further.
    let programs = place.dir.with_file_name("programs");
    std::fs::create_dir(&programs).expect("a folder");
    install(&programs.join("postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 17.0'\n");
    let half = "#!/bin/sh\nwhile [ \"$1\" != --pgdata ]; do shift; done\necho 17 > \"$2/PG_VERSION\"\nexec sleep 86400\n";
    install(&programs.join("initdb"), half);
    let mut owner = Command::new(crate::OWNER)
        .arg(&place.dir)
        .env("CAMPAIGNS_POSTGRES_BIN", &programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the owner starts");
    let half_made = || {
        std::fs::read_dir(&place.dir).into_iter().flatten().flatten().any(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with("data.new.") && entry.path().join("PG_VERSION").exists()
        })
    };
    await_true("the data to be half made", half_made);
    owner.kill().expect("killed");
    owner.wait().expect("reaped");
    let server = place.start();
    assert_eq!(number(&server.url(), "SELECT 1::bigint"), 1);
    assert!(!half_made());
}

/// Makes a program. Another process writes it: a file that this one has open to write, also by way of a child that
/// another test is just starting, cannot be run.
fn install(program: &std::path::Path, script: &str) {
    let mut written = Command::new("install")
        .args(["-m", "755", "--", "/dev/stdin"])
        .arg(program)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install is there");
    std::io::Write::write_all(&mut written.stdin.take().expect("its input"), script.as_bytes())
        .expect("written");
    assert!(written.wait().expect("its end").success());
}

/// A server without an owner, with a row in it.
struct Orphan {
    pid: i32,
    child: std::cell::RefCell<std::process::Child>,
}

impl Orphan {
    /// Runs the very command of a server, but without a death signal and without an owner's lock.
    fn leave(place: &Place) -> Self {
        let server = place.start();
        execute(&server.url(), "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (3)");
        let url = server.url();
        let arguments = command_line(server.pid());
        server.stop().expect("it stops");
        let mut command = Command::new("setpriv");
        if crate::is_root() {
            let found = std::fs::metadata(place.dir.join("data")).expect("data");
            use std::os::unix::fs::MetadataExt;
            command
                .arg(format!("--reuid={}", found.uid()))
                .arg(format!("--regid={}", found.gid()))
                .arg("--clear-groups");
        }
        let child = command
            .arg("--")
            .args(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("an orphan");
        let pid = i32::try_from(child.id()).expect("a number");
        await_true("the orphan to listen", || {
            // A connection that is refused while it starts is no failure.
            crate::block_on(<sqlx::PgConnection as sqlx::Connection>::connect(&url)).is_ok()
        });
        Self { pid, child: child.into() }
    }

    fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(self.pid).expect("a number")
    }

    fn has_ended(&self) -> bool {
        self.child.borrow_mut().try_wait().expect("its state").is_some()
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        self.child.borrow_mut().kill().expect("killed");
        self.child.borrow_mut().wait().expect("reaped");
    }
}

/// The words a process was started with.
fn command_line(pid: i32) -> Vec<String> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("a command line");
    line.split_terminator('\0').map(str::to_owned).collect()
}
