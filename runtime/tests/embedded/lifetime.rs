//! Start, stop, restart, and what a running server looks like from outside.

use crate::{Place, execute, number, text};
use campaigns_runtime::embedded::{EmbeddedPostgres, Options, installations};

#[test]
fn data_is_kept_from_one_start_to_the_next() {
    let place = Place::new();
    let server = EmbeddedPostgres::start(&place.dir).expect("the server starts");
    execute(&server.url(), "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (42)");
    server.stop().expect("it stops");
    place.await_silence();

    let server = EmbeddedPostgres::start(&place.dir).expect("it starts again");
    assert_eq!(number(&server.url(), "SELECT n FROM kept"), 42);
}

#[test]
fn the_server_is_private_utf8_and_durable() {
    let place = Place::new();
    let server = EmbeddedPostgres::start(&place.dir).expect("the server starts");
    for (setting, value) in [
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("TimeZone", "UTC"),
        ("unix_socket_permissions", "0700"),
    ] {
        assert_eq!(text(&server.url(), &format!("SHOW \"{setting}\"")), value, "{setting}");
    }
    assert_eq!(
        text(&server.url(), "SELECT datcollate::text FROM pg_database WHERE datname = current_database()"),
        "C"
    );
    let socket = text(&server.url(), "SHOW unix_socket_directories");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(socket).expect("the socket's folder"));
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn dropping_the_server_stops_it() {
    let place = Place::new();
    let server = place.start();
    assert!(!place.processes().is_empty());
    drop(server);
    assert!(place.processes().is_empty());
}

#[test]
fn a_throwaway_server_does_not_sync() {
    let place = Place::new();
    let server = place.start();
    assert_eq!(text(&server.url(), "SHOW fsync"), "off");
}

#[test]
fn the_server_knows_nothing_of_our_environment_and_our_terminal() {
    let place = Place::new();
    let server = place.start();
    let environment = std::fs::read(format!("/proc/{}/environ", server.pid())).expect("its environment");
    let names: Vec<_> = environment
        .split(|byte| *byte == 0)
        .filter(|entry| !entry.is_empty())
        .map(|entry| String::from_utf8_lossy(entry.split(|byte| *byte == b'=').next().unwrap_or(entry)))
        .collect();
    let strangers: Vec<_> = names
        .iter()
        .filter(|name| !["PATH", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PGLOCALEDIR"].contains(&name.as_ref()))
        .filter(|name| !name.starts_with("LC_") && !name.starts_with("PG"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    // Another process group: Ctrl-C at our terminal is not sent to it.
    let group = |pid| rustix::process::getpgid(rustix::process::Pid::from_raw(pid)).expect("a group");
    assert_ne!(group(server.pid()), group(0));
}

#[test]
fn a_long_path_has_its_socket_elsewhere() {
    let mut place = Place::new();
    place.dir = place.dir.join("a".repeat(60)).join("b".repeat(60));
    let server = place.start();
    assert_eq!(number(&server.url(), "SELECT 7::bigint"), 7);
    let socket = text(&server.url(), "SHOW unix_socket_directories");
    assert!(socket.starts_with("/tmp/campaigns-"), "{socket}");
    server.stop().expect("it stops");
    std::fs::remove_dir(socket).expect("the socket's folder is empty");
}

#[test]
fn every_server_on_this_machine_works() {
    let found = installations();
    assert!(!found.is_empty(), "no PostgreSQL on this machine");
    for installation in found {
        let place = Place::new();
        let options = Options { binaries: Some(installation.bin().to_owned()), ..Options::throwaway() };
        let server = EmbeddedPostgres::start_with(&place.dir, &options).expect("the server starts");
        assert_eq!(server.installation(), &installation);
        let version = text(&server.url(), "SHOW server_version");
        assert!(version.starts_with(installation.version()), "{version} is not {installation}");
        execute(&server.url(), "CREATE TABLE t (id uuid DEFAULT gen_random_uuid(), j jsonb)");
        server.stop().expect("it stops");
    }
}
