//! The runner as a program of its own, for pods and for tests: runs the order in a file over a snapshot in a file and
//! writes the result into a folder.
//!
//! Exit codes: 0 done (the manifest says what changed), 1 the attempt failed (the reason is on stderr, as JSON), 2
//! usage. Deliberately absent: fetching and storing.

use campaigns_domain::execution::Order;
use campaigns_runner::{Containers, Failure, Runner, Sandbox};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    campaigns_runner::sandbox::entry();
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [order, snapshot, work, out] = arguments.as_slice() else {
        eprintln!("usage: runner ORDER.json SNAPSHOT.tar WORK-FOLDER RESULT-FOLDER");
        return ExitCode::from(2);
    };
    match run(order, snapshot, work, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", serde_json::to_string(&failure).unwrap_or_else(|_| failure.to_string()));
            ExitCode::from(1)
        }
    }
}

fn run(order: &Path, snapshot: &Path, work: &Path, out: &Path) -> Result<(), Failure> {
    let problem =
        |what: &str, error: &dyn std::fmt::Display| Failure::Infrastructure(format!("{what}: {error}"));
    let text = std::fs::read(order).map_err(|error| problem("the order cannot be read", &error))?;
    let order: Order =
        serde_json::from_slice(&text).map_err(|error| problem("the order is not one", &error))?;
    let snapshot = File::open(snapshot).map_err(|error| problem("the snapshot cannot be opened", &error))?;
    let parent = work.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sandbox = Sandbox::probe(Path::new("/proc/self/exe"), parent)
        .map_err(|error| problem("no sandbox can be started", &error))?;
    // An engine takes its time to answer: it is asked only where a step wants one.
    let containers = match order.steps.iter().any(|step| step.container.is_some()) {
        true => Containers::find(),
        false => Containers::Missing { reason: "none was looked for".to_owned() },
    };
    let runner = Runner { sandbox, containers };
    runner.run(&order, snapshot, work, out, || {}, None).map(|_manifest| ())
}
