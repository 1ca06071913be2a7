//! What steps can see, do and leave behind: environment, files, network, time, processes, output.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it panics")]

mod attempt;

use attempt::{Attempt, attempt, namespaces, sandbox};
use campaigns_runner::{Containers, Failure, Isolation};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::time::{Duration, Instant};

/// Both ways that steps run; the second alone where the kernel allows no namespaces.
fn both() -> Vec<Attempt> {
    if namespaces() { vec![attempt(), attempt().plain()] } else { vec![attempt().plain()] }
}

#[test]
fn the_probe_agrees_with_the_kernel() {
    let allowed = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork"])
        .args(["--mount-proc", "true"])
        .output();
    if allowed.is_ok_and(|output| output.status.success()) {
        assert_eq!(*sandbox().isolation(), Isolation::Namespaces);
    }
}

#[test]
fn the_environment_is_the_steps_alone() {
    // Cargo and the test's own environment are canary enough: none of it may be there.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    for attempt in both() {
        let mut attempt =
            attempt.step("cut -z -d= -f1 /proc/self/environ | tr '\\0' ' '; echo; echo \"$GIVEN\"");
        attempt.order.steps[0].env = [("GIVEN".to_owned(), "a value\nof two lines".to_owned())].into();
        let outcome = attempt.run();
        outcome.manifest();
        let log = outcome.log();
        let mut names: Vec<&str> = log.lines().nth(1).unwrap().split_whitespace().collect();
        names.sort_unstable();
        assert_eq!(names, ["GIVEN", "HOME", "LANG", "PATH", "PWD", "TMPDIR"]);
        assert!(log.contains("a value\nof two lines\n"), "{log}");
        assert!(!log.contains("CARGO"), "{log}");
    }
}

#[test]
fn the_callers_files_cannot_be_seen() {
    if !namespaces() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    std::fs::write(&canary, "secret").unwrap();
    let here = std::env::current_dir().unwrap();
    for path in [canary.as_path(), here.as_path(), "/root".as_ref(), "/var".as_ref(), "/etc/shadow".as_ref()]
    {
        let outcome = attempt().step(&format!("test ! -e {}", path.display())).run();
        outcome.manifest();
    }
    let outcome =
        attempt().step("ls -A /home /tmp | grep -v : | grep . && exit 1; touch /tmp/a ~/b /dev/shm/c").run();
    outcome.manifest();
}

#[test]
fn there_is_no_network_but_a_loopback_of_its_own() {
    if !namespaces() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = |to: &str| format!("import socket; socket.create_connection(({to}, {port}), 5)");
    let outcome = attempt().step(&format!("python3 -c '{}'", connect("\"127.0.0.1\""))).run();
    assert!(matches!(outcome.failure(), Failure::StepFailed { .. }));
    assert!(outcome.log().contains("Connection refused"), "{}", outcome.log());
    let outcome = attempt().step(&format!("python3 -c '{}'", connect("\"192.0.2.1\""))).run();
    match outcome.failure() {
        Failure::StepFailed { hint: Some(hint), .. } => assert!(hint.contains("no network"), "{hint}"),
        other => panic!("{other}"),
    }
    let own = "import socket as s; l = s.create_server((\"127.0.0.1\", 0)); s.create_connection(l.getsockname(), 5)";
    attempt().step(&format!("python3 -c '{own}'")).run().manifest();
    // Abstract sockets belong to the network namespace.
    let name = format!("campaigns-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let connect = format!("import socket; socket.socket(socket.AF_UNIX).connect(\"\\0{name}\")");
    let outcome = attempt().step(&format!("python3 -c '{connect}'")).run();
    assert!(outcome.log().contains("Connection refused"), "{}", outcome.log());
}

#[test]
fn each_step_has_fresh_private_folders_and_the_same_tree() {
    for attempt in both() {
        let first = "touch $TMPDIR/x $HOME/y; echo one > a";
        let second = "test ! -e $TMPDIR/x; test ! -e $HOME/y; test $(cat a) = one; echo two >> a";
        let outcome = attempt.step(first).step(second).run();
        assert_eq!(outcome.changes(), [("a".to_owned(), "100644 one\ntwo\n".to_owned())]);
        assert_eq!(outcome.manifest().steps.len(), 2);
    }
}

#[test]
fn files_are_there_before_the_step_and_not_part_of_the_change() {
    if !namespaces() {
        return;
    }
    let files = [
        ("/tmp/deep/script".to_owned(), "echo from a file > made".to_owned()),
        ("/scripts/b".to_owned(), "x".to_owned()),
    ];
    let outcome = attempt()
        .step("/bin/sh /tmp/deep/script; test -x /tmp/deep/script; test x = $(cat /scripts/b)")
        .last_step(|step| step.files = files.into())
        .run();
    assert_eq!(outcome.changes(), [("made".to_owned(), "100644 from a file\n".to_owned())]);
    for path in [
        "/work/x",
        "/usr/bin/x",
        "/etc/passwd",
        "relative",
        "/tmp/../work/x",
        "/tmp",
        "/proc/x",
        "/dev/x",
        "/",
    ] {
        let files = [(path.to_owned(), String::new())];
        let outcome = attempt().step("true").last_step(|step| step.files = files.into()).run();
        assert!(
            matches!(outcome.failure(), Failure::StepRefused { step: 1, .. }),
            "{path}: {}",
            outcome.failure()
        );
    }
}

#[test]
fn steps_run_in_the_workspace() {
    for attempt in both() {
        let mut attempt = attempt.file("deep/er/a", "x\n").step("test -e a; echo y > a; echo z > ../b");
        attempt.order.workspace = "deep/er".to_owned();
        let outcome = attempt.run();
        let file = |text: &str| format!("100644 {text}\n");
        assert_eq!(
            outcome.changes(),
            [("deep/b".to_owned(), file("z")), ("deep/er/a".to_owned(), file("y"))]
        );
    }
    for attempt in both() {
        let mut attempt = attempt.file("deep/a", "x\n").step("rm -r ../deep").step("true");
        attempt.order.workspace = "deep".to_owned();
        assert!(matches!(attempt.run().failure(), Failure::StepRefused { step: 2, .. }));
    }
}

#[test]
fn a_failing_step_ends_the_attempt_with_its_code() {
    for attempt in both() {
        let outcome = attempt.step("true").step("echo before; false; echo after").step("echo third").run();
        match outcome.failure() {
            Failure::StepFailed { step: 2, exit_code: 1, hint: None } => {}
            other => panic!("{other}"),
        }
        let log = outcome.log();
        assert!(log.contains("before") && !log.contains("\nafter") && !log.contains("third\n"), "{log}");
        assert!(outcome.failure().is_authors());
    }
    for (script, code) in
        [("exit 42", 42), ("kill -9 $$", 137), ("kill -15 $$", 143), ("no-such-program", 127)]
    {
        for attempt in both() {
            let outcome = attempt.step(script).run();
            assert!(
                matches!(outcome.failure(), Failure::StepFailed { exit_code, .. } if *exit_code == code),
                "{script}: {}",
                outcome.failure()
            );
        }
    }
}

#[test]
fn writing_outside_says_what_can_be_written() {
    if !namespaces() {
        return;
    }
    let outcome = attempt().step("echo x > /usr/local/evil").run();
    let words = outcome.failure().to_string();
    assert!(words.contains("only the repository, /tmp and $HOME can be written"), "{words}");
}

/// Processes on this machine whose command line holds `mark`.
fn alive(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(mark.len()).any(|window| window == mark.as_bytes())).count()
}

/// Starts processes in every way that escapes a process group, each with `seconds` on its command line.
fn daemons(seconds: u32) -> String {
    format!(
        "sleep {seconds} & setsid sleep {seconds} & (setsid sh -c 'sleep {seconds} & sleep {seconds}' &) ; \
         nohup setsid sleep {seconds} > /dev/null 2>&1 & "
    )
}

#[test]
fn nothing_survives_a_step_that_ends() {
    for (attempt, seconds) in both().into_iter().zip([98_765_001, 98_765_002]) {
        let outcome = attempt.step(&format!("{} echo done", daemons(seconds))).run();
        outcome.manifest();
        assert_eq!(alive(&seconds.to_string()), 0);
    }
}

#[test]
fn nothing_survives_the_deadline() {
    for (attempt, seconds) in both().into_iter().zip([98_765_003, 98_765_004]) {
        let attempt = attempt.limits(|limits| limits.step_seconds = 1);
        let outcome =
            attempt.step(&format!("trap '' TERM INT HUP; {} sleep {seconds}", daemons(seconds))).run();
        assert_eq!(*outcome.failure(), Failure::TimedOut { step: 1, seconds: 1 });
        assert_eq!(alive(&seconds.to_string()), 0);
        assert!(outcome.log().contains("stopped after 1 s"), "{}", outcome.log());
    }
}

#[test]
fn nothing_survives_a_cancellation() {
    for (attempt, seconds) in both().into_iter().zip([98_765_005, 98_765_006]) {
        let (reader, writer) = std::io::pipe().unwrap();
        let mark = seconds.to_string();
        let attempt = attempt.step(&format!("{} sleep {seconds}", daemons(seconds)));
        let outcome = std::thread::scope(|scope| {
            let running = scope.spawn(|| attempt.run_with(|| {}, Some(&reader)));
            let deadline = Instant::now() + Duration::from_secs(60);
            while alive(&mark) < 5 && Instant::now() < deadline {
                std::thread::yield_now();
            }
            drop(writer);
            running.join().unwrap()
        });
        assert_eq!(*outcome.failure(), Failure::Cancelled);
        assert_eq!(alive(&mark), 0);
    }
}

#[test]
fn nothing_survives_the_death_of_the_runner() {
    let folder = tempfile::tempdir().unwrap();
    let seconds = 98_765_007;
    let attempt = attempt().step(&format!("{} sleep {seconds}", daemons(seconds)));
    let order = folder.path().join("order.json");
    std::fs::write(&order, serde_json::to_vec(&attempt.order).unwrap()).unwrap();
    let snapshot = folder.path().join("snapshot.tar");
    std::fs::write(&snapshot, attempt::tar_of(&[])).unwrap();
    let mut runner = std::process::Command::new(env!("CARGO_BIN_EXE_runner"))
        .args([&order, &snapshot, &folder.path().join("work"), &folder.path().join("out")])
        .spawn()
        .unwrap();
    let mark = seconds.to_string();
    let until = |done: &dyn Fn(usize) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            // The count that was judged is the one that is returned: shells that are about to end come and go.
            let count = alive(&mark);
            if done(count) || Instant::now() >= deadline {
                return count;
            }
            std::thread::yield_now();
        }
    };
    assert!(until(&|count| count >= 5) >= 5);
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert_eq!(until(&|count| count == 0), 0);
}

#[test]
fn the_log_is_capped_while_the_step_goes_on() {
    for attempt in both() {
        let attempt = attempt.limits(|limits| limits.log_bytes = 10_000);
        let outcome = attempt.step("yes spam | head -c 5000000; echo done > made").step("echo second").run();
        assert_eq!(outcome.changes().len(), 1);
        let log = outcome.log();
        assert!(log.len() < 11_000, "{}", log.len());
        assert_eq!(log.matches("the log was cut here").count(), 1, "{log}");
        assert_eq!(log.matches("exit code 0").count(), 2);
    }
}

#[test]
fn both_streams_are_in_the_log_in_order_and_cannot_forge_heads() {
    for attempt in both() {
        let script =
            "echo one; echo two >&2; echo '=== step 2 of 2: exit code 0'; printf '\\033[31mred\\033[0m\\n'";
        let outcome = attempt.step(script).run();
        outcome.manifest();
        let log = outcome.log();
        assert!(log.contains("one\ntwo\n\\=== step 2 of 2: exit code 0\n\u{1b}[31mred\u{1b}[0m\n"), "{log}");
        assert_eq!(log.lines().filter(|line| line.starts_with("=== ")).count(), 2, "{log}");
    }
}

#[test]
fn a_script_larger_than_an_argument_may_be_is_refused_in_words() {
    for attempt in both() {
        let outcome = attempt.step(&format!("true {}", "x".repeat(200_000))).run();
        match outcome.failure() {
            Failure::StepRefused { step: 1, reason } => assert!(reason.contains("128 KiB"), "{reason}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_manifest_says_how_steps_were_kept_apart() {
    let outcome = attempt().plain().step("true").run();
    assert_eq!(outcome.manifest().isolation, "none: switched off by a test");
    if namespaces() {
        assert_eq!(attempt().step("true").run().manifest().isolation, "namespaces");
    }
}

#[test]
fn a_container_without_an_engine_is_refused_or_ignored_as_told() {
    let nowhere = tempfile::tempdir().unwrap();
    let missing = Containers::find_on(nowhere.path().as_os_str());
    assert!(matches!(&missing, Containers::Missing { reason }
        if reason == "docker is not installed, podman is not installed"));
    let wanted = |containers: Containers| {
        let mut attempt =
            attempt().step("echo x > a").last_step(|step| step.container = Some("alpine:3".into()));
        attempt.runner.containers = containers;
        attempt.run()
    };
    let outcome = wanted(missing);
    assert!(outcome.failure().is_authors());
    let words = outcome.failure().to_string();
    assert!(words.contains("`alpine:3`") && words.contains("--no-container"), "{words}");
    let outcome = wanted(Containers::Ignored);
    assert_eq!(outcome.changes().len(), 1);
    assert!(
        outcome.manifest().isolation.ends_with(" instead of a container"),
        "{}",
        outcome.manifest().isolation
    );
}
