//! What an executor is told to do: the steps of one attempt with everything in them resolved.
//!
//! An order is plain data and can be written to a file for a runner in a pod. It holds no credential.
//! Deliberately absent: where the snapshot and the results are kept (the executor's business).

use super::target::Target;
use crate::{
    id::{CommitSha, ExecutionId, RepositoryName},
    spec::{EnvironmentValue, Spec, Step, Variable, render},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One attempt's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Which attempt this is.
    pub execution: ExecutionId,
    /// The repository, for the log.
    pub repository: RepositoryName,
    /// The commit that the snapshot holds.
    pub base: CommitSha,
    /// The folder that the steps run in, relative to the root; "" is the root.
    pub workspace: String,
    /// The steps, templates rendered.
    pub steps: Vec<OrderedStep>,
    /// What the attempt may use.
    pub limits: Limits,
}

impl Order {
    /// The order for the target's current attempt, everything in it rendered.
    ///
    /// The spec is one that [`Spec::resolve_environment`] has resolved. A variable that is still passed through
    /// is left unset, as it was where the spec was applied.
    pub fn new(spec: &Spec, target: &Target, limits: Limits) -> Self {
        Self {
            execution: ExecutionId::of(target.id, target.attempt),
            repository: target.repository.clone(),
            base: target.base.clone(),
            workspace: target.workspace.clone(),
            steps: spec.steps.iter().map(|step| OrderedStep::new(spec, target, step)).collect(),
            limits,
        }
    }
}

impl OrderedStep {
    fn new(spec: &Spec, target: &Target, step: &Step) -> Self {
        let rendered = |text: &str| {
            render(text, |variable| match variable {
                Variable::RepositoryName => target.repository.to_string().into(),
                Variable::RepositoryBranch => target.branch.as_str().into(),
                Variable::CampaignName => spec.name.as_str().into(),
                Variable::CampaignDescription => spec.description.as_str().into(),
            })
        };
        let env = step.env.iter().filter_map(|(name, value)| match value {
            EnvironmentValue::Literal(text) => Some((name.clone(), rendered(text))),
            EnvironmentValue::PassedThrough => None,
        });
        Self {
            run: rendered(&step.run),
            container: step.container.clone(),
            env: env.collect(),
            files: step.files.iter().map(|(path, content)| (path.clone(), rendered(content))).collect(),
        }
    }
}

/// One step with everything resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderedStep {
    /// Given to `/bin/sh -e -c`.
    pub run: String,
    /// The image to run in.
    pub container: Option<String>,
    /// The step's whole environment besides `PATH`, `HOME`, `TMPDIR` and `LANG`.
    pub env: BTreeMap<String, String>,
    /// Files made before the step, by absolute path inside the sandbox.
    pub files: BTreeMap<String, String>,
}

/// What an attempt may use; going over is a failure that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Seconds for each step.
    pub step_seconds: u64,
    /// Bytes of the changed contents and of the unified diff, each.
    pub patch_bytes: u64,
    /// Bytes of log that are kept; the steps go on past it, the log says where it was cut.
    pub log_bytes: u64,
    /// Changed files.
    pub files: u64,
}

impl Default for Limits {
    /// 20 minutes a step, 50 MB of patch, 200 MB of log, 20,000 files.
    fn default() -> Self {
        Self { step_seconds: 20 * 60, patch_bytes: 50_000_000, log_bytes: 200_000_000, files: 20_000 }
    }
}
