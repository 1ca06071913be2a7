//! What an engine is called with, and what its answers become. No engine is needed: the calls are data, and a script
//! stands in for the engine's own program where the order of calls is looked at.

use super::call::Call;
use super::*;
use std::collections::BTreeMap;

fn engine(kind: Kind, rootless: bool) -> Engine {
    Engine { kind, program: PathBuf::from("/usr/bin/engine"), rootless }
}

struct Step {
    env: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    workspace: &'static str,
    image: &'static str,
}

fn step() -> Step {
    Step { env: BTreeMap::new(), files: BTreeMap::new(), workspace: "", image: "alpine:3" }
}

impl Step {
    fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    fn file(mut self, path: &str) -> Self {
        self.files.insert(path.to_owned(), "content".to_owned());
        self
    }

    fn call(&self, engine: &Engine, owner: Option<(u32, u32)>) -> Result<Call, String> {
        let launch = Launch {
            run: "echo $SECRET",
            env: &self.env,
            files: &self.files,
            tree: Path::new("/data/tree"),
            private: Path::new("/data/private"),
            workspace: self.workspace,
            limit: Duration::from_secs(1),
        };
        Call::new(engine, &launch, self.image, "campaigns-x-1", owner)
    }

    #[track_caller]
    fn docker(&self) -> Call {
        self.call(&engine(Kind::Docker, false), Some((65534, 65534))).unwrap()
    }
}

fn holds(call: &Call, wanted: &[&str]) -> bool {
    call.create.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn a_container_has_no_network_no_privileges_and_a_read_only_root() {
    let call = step().docker();
    assert_eq!(call.create[0], "create");
    for wanted in [
        &["--network", "none"][..],
        &["--cap-drop", "ALL"],
        &["--security-opt", "no-new-privileges"],
        &["--read-only"],
        &["--memory", "4g"],
        &["--pids-limit", "4096"],
        &["--user", "65534:65534"],
        &["--mount", "type=bind,source=/data/tree,target=/work"],
        &["--mount", "type=bind,source=/data/private/files/script,target=/campaigns-step.sh,readonly"],
        &["--workdir", "/work", "--entrypoint", "/bin/sh", "--", "alpine:3", "-e", "/campaigns-step.sh"],
    ] {
        assert!(holds(&call, wanted), "{wanted:?} in {:?}", call.create);
    }
    let nested = Step { workspace: "deep/er", ..step() };
    assert!(holds(&nested.docker(), &["--workdir", "/work/deep/er"]));
}

#[test]
fn the_user_is_whoever_the_files_belong_to() {
    let user = |kind, rootless, owner| step().call(&engine(kind, rootless), owner).unwrap().create;
    let has = |create: &[String], wanted: &[&str]| create.windows(2).any(|window| window == wanted);
    assert!(has(&user(Kind::Podman, false, Some((7, 8))), &["--user", "7:8"]));
    assert!(has(&user(Kind::Podman, true, None), &["--userns", "keep-id"]));
    assert!(has(&user(Kind::Docker, true, None), &["--user", "0:0"]));
    let caller = format!("{}:{}", rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    assert!(has(&user(Kind::Docker, false, None), &["--user", &caller]));
}

#[test]
fn values_travel_in_a_file_and_never_in_arguments() {
    let call = step().env("SECRET", "hunter2").env("LINES", "first\nsecond").docker();
    assert!(!call.create.iter().any(|argument| argument.contains("hunter2") || argument.contains("second")));
    let (path, mode, text) = call.files.iter().find(|(path, ..)| path.ends_with("environment")).unwrap();
    assert_eq!(*mode, 0o600);
    assert!(text.contains("\nSECRET=hunter2\n"), "{text}");
    assert!(holds(&call, &["--env-file", path.to_str().unwrap()]));
    assert_eq!(call.multiline, [("LINES".to_owned(), "first\nsecond".to_owned())]);
    assert!(holds(&call, &["--env", "LINES"]));
    // The engine's program would take these for itself.
    for key in ["DOCKER_HOST", "PATH", "HTTPS_PROXY", "LD_PRELOAD"] {
        let refused = step().env(key, "a\nb").call(&engine(Kind::Docker, false), None).unwrap_err();
        assert!(refused.contains(key) && refused.contains("several lines"), "{refused}");
        step().env(key, "one line").docker();
    }
    for key in ["", "A=B", "1A", "A B", "--privileged"] {
        assert!(step().env(key, "x").call(&engine(Kind::Docker, false), None).is_err(), "{key}");
    }
}

#[test]
fn files_are_mounted_read_only_anywhere_but_in_the_repository() {
    let call = step().file("/tmp/x").file("/usr/local/bin/tool").docker();
    assert!(holds(&call, &["--mount", "type=bind,source=/data/private/files/0,target=/tmp/x,readonly"]));
    assert!(holds(
        &call,
        &["--mount", "type=bind,source=/data/private/files/1,target=/usr/local/bin/tool,readonly"]
    ));
    for path in
        ["relative", "/work/x", "/work", "/tmp/../work/x", "/a,readonly=false", "/a\"b", "/a\nb", "/folder/"]
    {
        assert!(step().file(path).call(&engine(Kind::Docker, false), None).is_err(), "{path}");
    }
}

#[test]
fn an_image_cannot_be_an_option() {
    for image in ["", "--privileged", "-v", "a b", "a\nb"] {
        assert!(Step { image, ..step() }.call(&engine(Kind::Docker, false), None).is_err(), "{image}");
    }
}

/// An engine's program that writes down its calls and runs a step's script on this machine.
fn stand_in(folder: &Path) -> Engine {
    let program = folder.join("docker");
    let script = r#"#!/bin/sh
echo "$1" >> "$(dirname "$0")/calls"
case "$1" in
info) echo "28.0.0 [name=seccomp]" ;;
create)
    for argument; do
        case "$argument" in
        missing) echo "Unable to find image 'missing:latest' locally" >&2; echo "pull access denied" >&2; exit 125 ;;
        *target=/campaigns-step.sh,readonly) echo "$argument" | sed 's/.*source=//; s/,.*//' > "$(dirname "$0")/script" ;;
        esac
    done ;;
start) exec /bin/sh -e "$(cat "$(dirname "$0")/script")" ;;
esac
"#;
    install(&program, script);
    match Containers::find_on(folder.as_os_str()) {
        Containers::Engine(engine) => engine,
        other => panic!("{other:?}"),
    }
}

/// Makes a program. Another process writes it: a file that this one has open to write, also by way of a child that
/// another test is just starting, cannot be run.
fn install(program: &Path, script: &str) {
    let mut written = std::process::Command::new("install")
        .args(["-m", "755", "--", "/dev/stdin"])
        .arg(program)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut written.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(written.wait().unwrap().success());
}

fn run(folder: &Path, image: &str, script: &str, limit: Duration) -> (Ended, String, String) {
    let engine = stand_in(folder);
    let private = folder.join("private");
    std::fs::create_dir(&private).unwrap();
    let (env, files) = (BTreeMap::new(), BTreeMap::new());
    let launch = Launch {
        run: script,
        env: &env,
        files: &files,
        tree: folder,
        private: &private,
        workspace: "",
        limit,
    };
    let mut log = Log::create(&folder.join("log"), 10_000).unwrap();
    let ended = engine.run(&launch, image, "campaigns-x-1", None, &mut log, None).unwrap();
    log.finish().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    (ended, read("log"), read("calls").replace('\n', " "))
}

#[test]
fn a_container_is_made_started_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, log, calls) =
        run(folder.path(), "alpine:3", "echo out; echo err >&2; exit 3", Duration::from_secs(60));
    assert_eq!((ended, log.as_str()), (Ended::Exited(3), "out\nerr\n"));
    assert_eq!(calls, "info rm create start rm ");
}

#[test]
fn an_image_that_cannot_be_had_is_the_engines_reason_and_may_be_had_later() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, log, calls) = run(folder.path(), "missing", "true", Duration::from_secs(60));
    assert_eq!(ended, Ended::Unavailable { reason: "pull access denied".to_owned(), transient: true });
    assert!(log.contains("Unable to find image"), "{log}");
    assert_eq!(calls, "info rm create ");
}

#[test]
fn a_container_over_its_time_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, _, calls) = run(folder.path(), "alpine:3", "exec sleep 60", Duration::from_millis(300));
    assert_eq!(ended, Ended::TimedOut);
    // On a busy machine the time may be over before the program has written down that it is to start.
    assert_eq!(calls.replace("start ", ""), "info rm create rm ");
}

#[test]
fn an_engine_that_does_not_answer_is_named_with_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("podman");
    install(&program, "#!/bin/sh\necho warning >&2\necho 'Cannot connect' >&2\nexit 1\n");
    let missing = Containers::find_on(folder.path().as_os_str());
    let reason = "docker is not installed, podman does not answer (Cannot connect)".to_owned();
    assert_eq!(missing, Containers::Missing { reason });
}
