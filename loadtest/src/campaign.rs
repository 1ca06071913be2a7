//! The campaign that scenarios carry out: one file in every repository of an organisation gets another word.
//!
//! Deliberately absent: carrying it out, which is what the scenarios differ in.

use crate::{ask::Asked, programs::Twin};
use anyhow::{Context as _, Result};
use campaigns_twin::Entry;
use campaigns_wire::{Changeset, Page};
use serde_json::Value;
use std::{fs, path::Path};

/// The organisation that the twin serves.
pub(crate) const ORGANIZATION: &str = "acme";
/// The campaign's name.
pub(crate) const CAMPAIGN: &str = "licence";
/// Its spec.
pub(crate) const SPEC: &str = "\
name: licence
description: Spell licence our way
on:
  - organization: acme
steps:
  - run: sed -i 's/license/licence/g' README.md
changesetTemplate:
  title: Spell licence our way
  body: By a campaign.
  branch: campaigns/licence
  commit:
    message: Spell licence our way
  published: true
";

/// The same campaign under another name, with a branch of its own.
pub(crate) fn another(number: u32) -> (String, String) {
    let name = format!("{CAMPAIGN}-{number}");
    let spec = SPEC.replace("name: licence", &format!("name: {name}"));
    (spec.replace("campaigns/licence", &format!("campaigns/{name}")), name)
}

/// Repositories with one file that the campaign changes.
pub(crate) fn seed(into: &Path, targets: u32) -> Result<()> {
    for number in 0..targets {
        let tree = into.join(format!("service-{number:05}"));
        fs::create_dir_all(&tree)?;
        fs::write(tree.join("README.md"), format!("# Service {number}\n\nSee the license.\n"))?;
    }
    Ok(())
}

/// What the twin has written down so far.
pub(crate) fn log(twin: &Twin) -> Result<Vec<Entry>> {
    let log = &twin.said.log;
    let text = fs::read_to_string(log).with_context(|| format!("{} cannot be read", log.display()))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// How many repositories of a twin's state have exactly one pull request, and it is open.
pub(crate) fn one_each(state: &Value) -> u64 {
    let none = vec![];
    let repositories = state["repositories"].as_array().unwrap_or(&none);
    let single = |repository: &&Value| {
        let pulls = repository["pulls"].as_array().unwrap_or(&none);
        pulls.len() == 1 && pulls[0]["state"] == "open"
    };
    repositories.iter().filter(single).count() as u64
}

/// Every changeset of the campaign.
pub(crate) fn changesets(api: &Asked) -> Result<Vec<Changeset>> {
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let page: Page<Changeset> = api.get(&format!("/campaigns/{CAMPAIGN}/changesets{cursor}"))?;
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = format!("?cursor={next}"),
            None => return Ok(all),
        }
    }
}
