//! Running an order's steps in sequence: each with its head in the log, its own deadline, and fresh private folders.
//!
//! The first step that does not end with exit code 0 ends the attempt. Deliberately absent: conditions and
//! templates, which are resolved before there is an order.

use crate::container::{Containers, Place};
use crate::failure::Failure;
use crate::log::Log;
use crate::sandbox::{Ended, Launch, Sandbox};
use campaigns_domain::execution::{Order, OrderedStep, StepReport};
use std::io::PipeReader;
use std::path::Path;
use std::time::{Duration, Instant};

/// How much of a script's first line its head shows, in characters.
const SHOWN: usize = 120;

/// What runs steps.
pub(crate) struct Steps<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) containers: &'a Containers,
    pub(crate) order: &'a Order,
    /// The unpacked tree.
    pub(crate) tree: &'a Path,
    /// Where each step's private folder is made.
    pub(crate) work: &'a Path,
    pub(crate) cancelled: Option<&'a PipeReader>,
}

impl Steps<'_> {
    /// Runs every step. The reports, and how the steps were kept apart.
    ///
    /// # Errors
    /// The first step's failure.
    pub(crate) fn run(&self, log: &mut Log) -> Result<(Vec<StepReport>, String), Failure> {
        let mut reports = Vec::new();
        let mut kept_apart: Vec<String> = Vec::new();
        for (at, step) in self.order.steps.iter().enumerate() {
            let (report, isolation) = self.step(at + 1, step, log)?;
            reports.push(report);
            if !kept_apart.contains(&isolation) {
                kept_apart.push(isolation);
            }
        }
        if kept_apart.is_empty() {
            kept_apart.push(self.sandbox.isolation().to_string());
        }
        Ok((reports, kept_apart.join(", ")))
    }

    fn step(
        &self,
        number: usize,
        step: &OrderedStep,
        log: &mut Log,
    ) -> Result<(StepReport, String), Failure> {
        let writing = |error: std::io::Error| Failure::machine("the log cannot be written", error);
        let limits = &self.order.limits;
        let head = format!("step {number} of {}", self.order.steps.len());
        let place = match &step.container {
            Some(image) => self.containers.place(image)?,
            None => Place::Sandbox,
        };
        let isolation = match (&place, &step.container) {
            (Place::Engine(engine), _) => format!("container {}", engine.name()),
            (Place::Sandbox, Some(_)) => format!("{} instead of a container", self.sandbox.isolation()),
            (Place::Sandbox, None) => self.sandbox.isolation().to_string(),
        };
        log.forget_tail();
        log.say(&format!("{head} ({isolation}): {}", shown(&step.run))).map_err(writing)?;
        let private = self.work.join(format!("step-{number}"));
        std::fs::create_dir(&private)
            .map_err(|error| Failure::machine("a step's folder cannot be made", error))?;
        let launch = Launch {
            run: &step.run,
            env: &step.env,
            files: &step.files,
            tree: self.tree,
            private: &private,
            workspace: &self.order.workspace,
            limit: Duration::from_secs(limits.step_seconds),
        };
        let start = Instant::now();
        let ended = match place {
            Place::Sandbox => self.sandbox.run(&launch, log, self.cancelled)?,
            Place::Engine(engine) => {
                let name = format!("campaigns-{}-{number}", self.order.execution);
                let image = step.container.as_deref().unwrap_or_default();
                engine.run(&launch, image, &name, self.sandbox.owner(), log, self.cancelled)?
            }
        };
        let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = match ended {
            Ended::Exited(exit_code) => {
                log.say(&format!("{head}: exit code {exit_code} after {milliseconds} ms"))
                    .map_err(writing)?;
                if exit_code == 0 {
                    return Ok((StepReport { exit_code, milliseconds }, isolation));
                }
                Failure::StepFailed { step: number, exit_code, hint: hint(exit_code, log.tail()) }
            }
            Ended::TimedOut => Failure::TimedOut { step: number, seconds: limits.step_seconds },
            Ended::Refused(reason) => Failure::StepRefused { step: number, reason },
            Ended::Cancelled => Failure::Cancelled,
            Ended::Unavailable { reason, transient } => {
                let image = step.container.clone().unwrap_or_default();
                Failure::ContainerUnavailable { image, reason, transient }
            }
            Ended::Broken(reason) => Failure::Infrastructure(format!("step {number} was not run: {reason}")),
        };
        log.say(&failure.to_string()).map_err(writing)?;
        Err(failure)
    }
}

fn shown(run: &str) -> String {
    let mut lines = run.lines().map(str::trim).filter(|line| !line.is_empty());
    let first: String = lines.next().unwrap_or_default().chars().take(SHOWN).collect();
    let more = lines.next().is_some() || run.trim().chars().count() > SHOWN;
    if more { format!("{first} …") } else { first }
}

/// What the runner takes for the cause of a step's failure, from its exit code and the end of its output.
fn hint(exit_code: i32, tail: &[u8]) -> Option<String> {
    let tail = String::from_utf8_lossy(tail);
    let says = |needles: &[&str]| needles.iter().any(|needle| tail.contains(needle));
    let hint = if says(&["Read-only file system"]) {
        "it wrote outside: only the repository, /tmp and $HOME can be written"
    } else if says(&[
        "Network is unreachable",
        "Could not resolve host",
        "name resolution",
        "Network unreachable",
    ]) {
        "steps have no network: bring what they need in the container's image"
    } else if exit_code == 153 {
        "it wrote a file larger than a step may"
    } else if exit_code == 137 {
        "it was killed, probably for want of memory"
    } else if exit_code == 127 {
        "a program was not found: only the system's programs are there; a step can name a container that has others"
    } else {
        return None;
    };
    Some(hint.to_owned())
}
