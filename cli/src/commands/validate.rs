//! `campaigns validate`: checks a spec and shows what it says, without any server.

use crate::{
    Verdict,
    arguments::{Output, Validate},
    output::{self, Paint},
};
use anyhow::{Context as _, anyhow};
use campaigns_domain::spec::{Publication, Rollout, Selector, Spec};
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
    lines.extend(spec.rollout.iter().flat_map(rollout));
    if spec.priority.is_urgent() {
        lines.push("  first  before every campaign that is not urgent".to_owned());
    }
    lines.push(format!("  digest {}", paint.dim(&spec.digest().to_string())));
    lines.join("\n") + "\n"
}

/// How the pull requests go out, a line for each wave, each window, the caps, and when the run halts.
fn rollout(rollout: &Rollout) -> Vec<String> {
    let mut lines = vec![];
    let told = |named: &[(&str, Option<String>)]| -> String {
        named
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for wave in &rollout.waves {
        let takes = match (wave.targets, wave.percent) {
            (Some(targets), _) => format!("{targets} targets"),
            (_, Some(percent)) => format!("{percent} % of the targets"),
            _ => format!("what is like {}", wave.repositories.join(", ")),
        };
        let gate = wave.gate.as_ref().map(|gate| {
            let demands = told(&[
                ("merged", gate.merged.map(|amount| amount.to_string())),
                ("checks passed", gate.checks_passed.map(|amount| amount.to_string())),
                ("closed at most", gate.closed.map(|amount| amount.to_string())),
                ("within", gate.within.map(|span| span.to_string())),
            ]);
            format!("; the next once: {demands}")
        });
        lines.push(format!("  wave   {}: {takes}{}", wave.name, gate.unwrap_or_default()));
    }
    if !rollout.waves.is_empty() {
        lines.push("  wave   then the rest".to_owned());
    }
    lines.extend(rollout.windows.iter().map(|hours| format!("  when   {hours}")));
    let number = |cap: Option<u32>| cap.map(|cap| cap.to_string());
    let caps = told(&[
        ("perMinute", number(rollout.caps.per_minute)),
        ("perHour", number(rollout.caps.per_hour)),
        ("perDay", number(rollout.caps.per_day)),
        ("maxOpen", number(rollout.caps.max_open)),
        ("maxPendingChecks", number(rollout.caps.max_pending_checks)),
    ]);
    let halts = rollout.halt_on.as_ref().map(|halt| {
        told(&[
            ("failed", halt.failed.map(|amount| amount.to_string())),
            ("closed", halt.closed.map(|amount| amount.to_string())),
            ("checks failed", halt.checks_failed.map(|amount| amount.to_string())),
        ])
    });
    lines.extend((!caps.is_empty()).then(|| format!("  most   {caps}")));
    lines.extend(halts.map(|halts| format!("  halts  above: {halts}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spec_says_is_shown_whole() {
        let spec = Spec::parse(
            "name: x\non:\n  - organization: acme\n    include: [\"api-*\"]\nsteps:\n  - run: echo hi >> README.md\n\
             changesetTemplate: {title: T, branch: b, commit: {message: T}, published: true}\npriority: urgent\n\
             rollout:\n  waves:\n    - {name: canary, targets: 10, gate: {merged: 90%, closed: 2, within: 5d}}\n    \
             - {name: half, percent: 50}\n  windows: [{days: Mo-Fr, from: \"09:00\", to: \"17:00\", timeZone: Europe/Berlin}]\n  \
             perDay: 50\n  maxOpen: 30\n  haltOn: {failed: 10%}\n",
        )
        .unwrap();
        let shown = describe(&spec, Paint::plain());
        let shown: Vec<&str> = shown.lines().filter(|line| !line.starts_with("  digest")).collect();
        assert_eq!(
            shown,
            [
                "✓ x is valid",
                "  on     every repository of acme like api-*",
                "  run    echo hi >> README.md",
                "  then   “T” from `b`, opened ready for review",
                "  wave   canary: 10 targets; the next once: merged 90 %, closed at most 2, within 5d",
                "  wave   half: 50 % of the targets",
                "  wave   then the rest",
                "  when   Mo-Fr 09:00-17:00 Europe/Berlin",
                "  most   perDay 50, maxOpen 30",
                "  halts  above: failed 10 %",
                "  first  before every campaign that is not urgent",
            ]
        );
    }
}
