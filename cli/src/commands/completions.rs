//! `campaigns completions`: a shell's completion script, made from the argument definitions.

use crate::{Verdict, arguments::Arguments, output};
use clap::CommandFactory as _;

/// Prints the script for `shell` on standard output.
pub(crate) fn run(shell: clap_complete::Shell) -> anyhow::Result<Verdict> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Arguments::command(), "campaigns", &mut script);
    output::bytes(&script)?;
    Ok(Verdict::Well)
}
