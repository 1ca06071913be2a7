//! Environment variables that a spec passes through: their values are taken from whoever applies the spec,
//! before a run is created.
//!
//! Deliberately absent: reading an environment; the caller brings a lookup.

use super::{EnvironmentValue, Spec, template};
use std::collections::BTreeSet;

/// Variables that a spec passes through and that are not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the spec passes on environment variables that are not set: {}; set them, or give them a value in the \
         step's `env`", names.join(", "))]
pub struct VariablesNotSet {
    /// Their names, sorted.
    pub names: Vec<String>,
}

impl Spec {
    /// The same spec with every passed-through variable set to what `lookup` finds. The values are texts: a
    /// `${{` in them stays one.
    ///
    /// # Errors
    /// Names every variable that `lookup` does not find.
    pub fn resolve_environment(
        &self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VariablesNotSet> {
        let mut resolved = self.clone();
        let mut missing = BTreeSet::new();
        for (name, value) in resolved.steps.iter_mut().flat_map(|step| &mut step.env) {
            if *value == EnvironmentValue::PassedThrough {
                match lookup(name) {
                    Some(text) => *value = EnvironmentValue::Literal(template::literal(&text)),
                    None => {
                        missing.insert(name.clone());
                    }
                }
            }
        }
        match missing.is_empty() {
            true => Ok(resolved),
            false => Err(VariablesNotSet { names: missing.into_iter().collect() }),
        }
    }
}
