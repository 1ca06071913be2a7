//! `campaigns validate`: checks a spec and shows what it says, without any server.

use crate::{
    Verdict,
    arguments::{Output, Validate},
    output::{self, Paint},
};
use anyhow::{Context as _, anyhow};
use campaigns_domain::spec::{Publication, Selector, Spec};
use std::{io::Read as _, path::Path};

/// The most that is read of a spec; the parser has a limit of its own below it.
const MOST: u64 = 1 << 20;

/// Checks the spec and prints what it says.
pub(crate) fn run(arguments: &Validate, form: Output) -> anyhow::Result<Verdict> {
    let spec = parse(&arguments.file)?;
    match form {
        Output::Json => {
            output::json(&serde_json::json!({ "digest": spec.digest().to_string(), "spec": spec }))?
        }
        Output::Table => output::text(&describe(&spec, Paint::for_stdout()))?,
    }
    Ok(Verdict::Well)
}

/// Reads and checks a spec; what is wrong with it is said with lines and columns.
pub(crate) fn parse(file: &Path) -> anyhow::Result<Spec> {
    let text = read(file)?;
    check(file, &text)
}

/// Checks a spec's text.
pub(crate) fn check(file: &Path, text: &str) -> anyhow::Result<Spec> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    Spec::parse(text).map_err(|errors| anyhow!("the spec is not valid\n{}", errors.named(name)))
}

/// Reads a spec's text; `-` is standard input.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let name = file.display();
    if file == Path::new("-") {
        std::io::stdin().take(MOST).read_to_string(&mut text).context("standard input is not text")?;
    } else {
        let opened =
            std::fs::File::open(file).with_context(|| format!("the spec `{name}` cannot be opened"))?;
        opened
            .take(MOST)
            .read_to_string(&mut text)
            .with_context(|| format!("the spec `{name}` is not text"))?;
    }
    Ok(text)
}

fn describe(spec: &Spec, paint: Paint) -> String {
    let mut lines = vec![format!("{} {} is valid", paint.green("✓"), paint.bold(&spec.name))];
    for selector in &spec.on {
        lines.push(match selector {
            Selector::Repository { repository, branches } if branches.is_empty() => {
                format!("  on     {repository}")
            }
            Selector::Repository { repository, branches } => {
                format!("  on     {repository} ({})", branches.join(", "))
            }
            Selector::Organization { organization, include, exclude, .. } => {
                let mut line = format!("  on     every repository of {organization}");
                if !include.is_empty() {
                    line += &format!(" like {}", include.join(", "));
                }
                if !exclude.is_empty() {
                    line += &format!(" but {}", exclude.join(", "));
                }
                line
            }
        });
    }
    for step in &spec.steps {
        let first = step.run.trim().lines().next().unwrap_or_default();
        let more = if step.run.trim().lines().count() > 1 { " …" } else { "" };
        lines.push(format!("  run    {first}{more}"));
    }
    if let Some(template) = &spec.changeset_template {
        let how = match template.published {
            Publication::Unpublished => "kept here, not published",
            Publication::Draft => "opened as drafts",
            Publication::Ready => "opened ready for review",
        };
        lines.push(format!("  then   “{}” from `{}`, {how}", template.title.trim(), template.branch));
    }
    lines.push(format!("  digest {}", paint.dim(&spec.digest().to_string())));
    lines.join("\n") + "\n"
}
