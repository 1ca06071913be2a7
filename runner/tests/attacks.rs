//! The attack corpus: what hostile steps leave in the tree, and what hostile snapshots hold. Each ends in a clear typed
//! failure, or changes nothing outside, never in a result that carries it on.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it panics")]

mod attempt;

use attempt::{attempt, namespaces, tar_of};
use campaigns_runner::Failure;
use rustix::fs::OFlags;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

#[track_caller]
fn refused(script: &str, path: &str, why: &str) {
    let outcome = attempt().file("dir/kept", "kept\n").file("Readme", "hello\n").step(script).run();
    match outcome.failure() {
        Failure::PathRefused { path: refused, reason } => {
            assert_eq!(refused, path, "{script}: {reason}");
            assert!(reason.contains(why), "{script}: {reason}");
        }
        other => panic!("{script}: {other}"),
    }
    assert!(outcome.failure().is_authors());
}

#[test]
fn git_folders_are_refused_at_any_level_and_by_any_spelling() {
    refused("mkdir .git", ".git", "a step made a git folder");
    refused("mkdir -p dir/deep/.git/hooks", "dir/deep/.git", "a step made a git folder");
    refused("mkdir .GIT", ".GIT", "a step made a git folder");
    refused("mkdir 'git~1'", "git~1", "a step made a git folder");
    refused("mkdir '.git '", ".git ", "a step made a git folder");
    refused("mkdir '.git.'", ".git.", "a step made a git folder");
    refused("mkdir '.git::$INDEX_ALLOCATION'", ".git::$INDEX_ALLOCATION", "a step made a git folder");
    refused("mkdir \"$(printf '.g\\342\\200\\214it')\"", ".g\\u{200c}it", "a step made a git folder");
    refused("echo 'gitdir: /tmp' > .git", ".git", "git's own folder");
    refused("echo x > .Git", ".Git", "git's own folder");
    // Not even where the repository ignores it.
    refused("echo '.git' > .gitignore; mkdir .git", ".git", "a step made a git folder");
}

#[test]
fn names_that_other_machines_read_differently_are_refused() {
    refused("touch 'a\\b'", "a\\b", "backslash");
    refused("touch \"$(printf 'a\\nb')\"", "a\\nb", "control character");
    refused("touch \"$(printf 'caf\\351')\"", "caf\\xe9", "not UTF-8");
    refused("touch README", "README", "differs only in case from `Readme`");
    refused("echo x > DIR", "DIR", "differs only in case from `dir`");
    refused("mkdir readme; touch readme/x", "readme/x", "differs only in case from `Readme`");
    refused("touch new NEW", "new", "differs only in case from `NEW`");
}

#[test]
fn links_that_lead_out_are_refused_and_links_inside_are_kept() {
    refused("ln -s /etc/passwd out", "out", "is absolute");
    refused("ln -s ../secret out", "out", "leads out of the repository");
    refused("ln -s ../../secret dir/out", "dir/out", "leads out of the repository");
    refused("ln -s dir/../../secret out", "out", "goes down and up again");
    refused("ln -s .git/config out", "out", "git's own folder");
    refused("ln -s ../.GIT/hooks dir/out", "dir/out", "git's own folder");
    let outcome = attempt()
        .file("dir/kept", "kept\n")
        .step("ln -s dir/kept a; ln -s ../a dir/b; ln -s . here; ln -s nowhere dangling")
        .run();
    let link = |to: &str| format!("120000 {to}");
    assert_eq!(
        outcome.changes(),
        [
            ("a".to_owned(), link("dir/kept")),
            ("dangling".to_owned(), link("nowhere")),
            ("dir/b".to_owned(), link("../a")),
            ("here".to_owned(), link(".")),
        ]
    );
}

#[test]
fn nothing_is_read_or_written_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("kept"), "the caller's").unwrap();
    let there = outside.path().display();
    // A folder of the repository becomes a link to a folder elsewhere that has the same names. Without namespaces the
    // step can really reach it.
    let outcome =
        attempt().file("dir/kept", "kept\n").plain().step(&format!("rm -r dir; ln -s {there} dir")).run();
    assert!(matches!(outcome.failure(), Failure::PathRefused { path, .. } if path == "dir"));
    assert!(!outcome.diff().contains("the caller's"));
}

#[track_caller]
fn not_a_file(script: &str, path: &str, kind: &str) {
    let outcome = attempt().file("tracked", "x\n").step(script).run();
    match outcome.failure() {
        Failure::NotARegularFile { path: refused, kind: found } => {
            assert_eq!((refused.as_str(), found.as_str()), (path, kind), "{script}");
        }
        other => panic!("{script}: {other}"),
    }
}

#[test]
fn pipes_sockets_and_links_to_files_elsewhere_are_refused() {
    not_a_file("mkfifo pipe", "pipe", "a named pipe");
    not_a_file("rm tracked; mkfifo tracked", "tracked", "a named pipe");
    not_a_file(
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'",
        "sock",
        "a socket",
    );
    // Without namespaces /tmp is one file system with the tree, and the caller's files can be linked to.
    let outside = tempfile::NamedTempFile::new().unwrap();
    let script = format!("ln {} stolen", outside.path().display());
    let outcome = attempt().plain().step(&script).run();
    assert!(
        matches!(outcome.failure(), Failure::NotARegularFile { path, kind }
            if path == "stolen" && kind == "a hard link to a file elsewhere"),
        "{}",
        outcome.failure()
    );
}

#[test]
fn hard_links_inside_the_tree_are_files() {
    let outcome = attempt().file("tracked", "x\n").step("ln tracked a; echo y > b; ln b c").run();
    let file = |text: &str| format!("100644 {text}\n");
    assert_eq!(
        outcome.changes(),
        [("a".to_owned(), file("x")), ("b".to_owned(), file("y")), ("c".to_owned(), file("y"))]
    );
}

#[test]
fn a_patch_over_the_cap_ends_early_however_it_is_made() {
    for script in [
        // Holes take no space, and reading them would take an hour.
        "truncate -s 10G sparse",
        "rm tracked; truncate -s 10G tracked",
        "head -c 2000000 /dev/zero > large",
        "for i in 1 2 3 4; do head -c 300000 /dev/urandom > f$i; done",
    ] {
        let outcome = attempt().file("tracked", "x\n").step(script).run();
        match outcome.failure() {
            Failure::PatchTooLarge { limit: 1_000_000, .. } => {}
            other => panic!("{script}: {other}"),
        }
        let words = outcome.failure().to_string();
        assert!(words.contains(".gitignore"), "{words}");
    }
}

#[test]
fn a_diff_over_the_cap_ends_early() {
    // The new contents are small; what is gone is not.
    let lines = "x\n".repeat(600_000);
    let outcome = attempt().file("a", &lines).step("rm a").run();
    assert!(matches!(outcome.failure(), Failure::PatchTooLarge { .. }), "{}", outcome.failure());
}

#[test]
fn a_large_tracked_file_that_was_only_touched_is_no_change() {
    let large = vec![7_u8; 3_000_000];
    let outcome =
        attempt().file("large", &large).file("a", "x\n").step("sleep 0.02; touch large; echo y > a").run();
    assert_eq!(outcome.changes(), [("a".to_owned(), "100644 y\n".to_owned())]);
}

#[test]
fn many_files_end_early_unless_they_are_ignored() {
    let many = "mkdir many; cd many; seq 1 3000 | xargs touch";
    let outcome = attempt().step(many).run();
    assert_eq!(*outcome.failure(), Failure::TooManyFiles { limit: 1000 });
    let folders = "seq 1 11000 | xargs mkdir";
    assert_eq!(*attempt().step(folders).run().failure(), Failure::TooManyFiles { limit: 1000 });
    let outcome = attempt().file(".gitignore", "many/\n").step(many).run();
    assert_eq!(outcome.changes(), []);
    // Changed and deleted files count as well.
    let mut tracked = attempt().step("rm -r d").limits(|limits| limits.files = 10);
    for number in 0..11 {
        tracked = tracked.file(&format!("d/{number}"), "x");
    }
    assert_eq!(*tracked.run().failure(), Failure::TooManyFiles { limit: 10 });
}

#[test]
fn folders_nested_without_end_are_refused_and_removed() {
    let script = "i=0; while [ $i -lt 150 ]; do mkdir d; cd d; i=$((i+1)); done; touch bottom";
    assert!(matches!(attempt().step(script).run().failure(), Failure::PathRefused { .. }));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    // What could still write would have escaped a plain sandbox; here the test itself does, when the tree has been looked
    // through and the file is not read yet: the one before it is kept in a pipe, which takes until somebody reads that.
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    let script = format!("head -c 200000 /dev/zero > first; echo y >> grows; pwd > {}", place.display());
    let attempt = attempt().file("grows", "x\n").plain().step(&script);
    let pipe = attempt.kept(&[0; 200_000]);
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Open once the other end is, which has more to write then than a pipe holds.
            let mut kept = File::open(&pipe).unwrap();
            if let Ok(work) = std::fs::read_to_string(&place) {
                let grows = std::path::Path::new(work.trim()).join("grows");
                let mut grows = std::fs::OpenOptions::new().append(true).open(grows).unwrap();
                grows.write_all(b"z").unwrap();
            }
            std::io::copy(&mut kept, &mut std::io::sink()).unwrap();
        });
        let outcome = attempt.run();
        // Nobody waits for an attempt that has ended before it came so far.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        drop(std::fs::OpenOptions::new().write(true).custom_flags(flags).open(&pipe));
        outcome
    });
    match outcome.failure() {
        Failure::Unreadable { path, reason } => {
            assert_eq!(path, "grows");
            assert!(reason.contains("changed while it was read"), "{reason}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_a_step_made_unreadable_is_said_or_read_and_always_removed() {
    let outcome = attempt().file("dir/a", "x\n").step("mkdir locked; touch locked/b; chmod 000 locked").run();
    if rustix::process::geteuid().is_root() {
        assert_eq!(outcome.changes(), [("locked/b".to_owned(), "100644 ".to_owned())]);
    } else {
        assert!(matches!(outcome.failure(), Failure::Unreadable { path, .. } if path == "locked"));
    }
}

#[test]
fn hostile_snapshots_are_refused_without_touching_anything_outside() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |path: &str, mode, content: &str| attempt::Entry {
        path: path.as_bytes().to_vec(),
        mode,
        content: content.as_bytes().to_vec(),
    };
    let escape = folder.path().join("escape").display().to_string();
    let through_link = tar_of(&[entry("dir", "120000", &folder.path().display().to_string())]);
    let mut through_link = through_link[..through_link.len() - 1024].to_vec();
    through_link.extend(tar_of(&[entry("dir/escape", "100644", "x")]));
    let mut device = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Fifo);
    header.set_size(0);
    device.append_data(&mut header, "pipe", &[][..]).unwrap();
    let mut hard_link = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Link);
    header.set_size(0);
    hard_link.append_link(&mut header, "stolen", "/etc/passwd").unwrap();
    let twice = tar_of(&[entry("a", "100644", "1"), entry("a", "100644", "2")]);
    let cut = tar_of(&[entry("a", "100644", &"x".repeat(5000))])[..2000].to_vec();
    for (name, tar) in [
        ("..", raw("../escape")),
        ("absolute", raw(&escape)),
        ("inside ..", raw("a/../../escape")),
        (".git", raw(".git/config")),
        ("empty part", raw("a//b")),
        ("through a link", through_link),
        ("pipe", device.into_inner().unwrap()),
        ("hard link", hard_link.into_inner().unwrap()),
        ("twice", twice),
        ("cut off", cut),
    ] {
        let file = folder.path().join("snapshot.tar");
        std::fs::write(&file, tar).unwrap();
        let attempt = attempt().step("true");
        let (work, out) = (folder.path().join("work"), folder.path().join("out"));
        let snapshot = File::open(&file).unwrap();
        let result = attempt.runner.run(&attempt.order, snapshot, &work, &out, || {}, None);
        assert!(matches!(result, Err(Failure::Infrastructure(_))), "{name}: {result:?}");
        assert!(!folder.path().join("escape").exists(), "{name}");
    }
}

/// A tar with one file of exactly this name, which the library would refuse to write.
fn raw(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(1);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.extend([b'x'; 512]);
    tar.extend([0; 1024]);
    tar
}

#[test]
fn a_step_in_namespaces_can_mount_nothing_and_make_no_namespace() {
    if !namespaces() {
        return;
    }
    for script in [
        "mount -t tmpfs none /tmp",
        "mount -o remount,rw /usr",
        "umount /work",
        "unshare --user true",
        "unshare --mount true",
        "mknod device c 1 3",
        "chroot / true",
        "hostname evil",
        "cat /proc/1/environ",
        "ls /proc/1/fd/",
        "echo 1 > /proc/sys/kernel/core_pattern",
        "echo x > /usr/x",
        "echo x > /etc/x",
        "echo x > /x",
        "echo b > /proc/sysrq-trigger",
        "su -c true",
    ] {
        let outcome = attempt().step(script).run();
        assert!(matches!(outcome.failure(), Failure::StepFailed { .. }), "{script}: {}", outcome.log());
    }
}
