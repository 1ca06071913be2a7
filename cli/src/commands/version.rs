//! `campaigns version`: which program this is.

use crate::{
    Verdict,
    arguments::Output,
    output::{self},
};

/// Prints the version.
pub(crate) fn run(form: Output) -> anyhow::Result<Verdict> {
    let version = env!("CARGO_PKG_VERSION");
    match form {
        Output::Table => output::text(&format!("campaigns {version}\n"))?,
        Output::Json => output::json(&serde_json::json!({ "version": version }))?,
    }
    Ok(Verdict::Well)
}
