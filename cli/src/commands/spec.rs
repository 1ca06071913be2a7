//! `campaigns spec`: a campaign's spec as it was applied, so that what is in force can be read, kept and changed.
//!
//! Deliberately absent: the normal form of a file, which is `campaigns validate -o json`.

use crate::{
    Verdict,
    arguments::{Connection, Output, SpecOf},
    commands::budget::time,
    connection, output,
};
use anyhow::{Context as _, Result};

/// Prints the spec.
pub(crate) async fn run(arguments: SpecOf, connection: &Connection, form: Output) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let name = &arguments.campaign;
    let number = match arguments.number {
        Some(number) => number,
        None => client.campaign(name).await?.version,
    };
    let mut versions = client.specs(name).await?;
    let newest = versions.iter().map(|each| each.version).max().unwrap_or_default();
    let place = versions.iter().position(|each| each.version == number);
    let place =
        place.with_context(|| format!("campaign {name} has versions 1 to {newest}, and none is {number}"))?;
    let version = versions.swap_remove(place);
    if form == Output::Json {
        output::json(&version)?;
        return Ok(Verdict::Well);
    }
    output::note(&format!(
        "version {number} of {newest}, applied by {} on {}",
        version.created_by,
        time(version.created_at)
    ));
    let end = if version.raw.ends_with('\n') { "" } else { "\n" };
    output::text(&format!("{}{end}", version.raw))?;
    Ok(Verdict::Well)
}
