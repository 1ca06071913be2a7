//! `campaigns demo`: a whole campaign on real source trees, with a stand-in for GitHub and everything else real.
//!
//! The crates that cargo has unpacked on this machine become the repositories of an organisation; a spec that
//! changes most of them and leaves some alone is carried out by the server, which stays up afterwards.
//! Deliberately absent: any short cut. The demo uses the API that everybody uses.

use crate::{
    Verdict,
    arguments::{Demo, Output},
    client::Client,
    commands::{
        replicas::{Common, Replicas, Served},
        run, serve,
        twin::{Twin, World},
    },
    output::{self, Paint},
    progress::{self, Reporter},
    signal,
};
use anyhow::{Context as _, Result, bail};
use campaigns_domain::spec::Spec;
use campaigns_runtime::{
    config::{WebhookSecrets, paths},
    github::{Credentials, GithubConfig, Secret},
    replica::{Replica, ReplicaSettings},
};
use campaigns_wire::{CreateRun, Run};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const ORGANIZATION: &str = "acme";
const SPEC: &str = include_str!("../../../examples/demo.yaml");

/// Runs the demo.
pub(crate) async fn run(arguments: Demo, form: Output) -> Result<Verdict> {
    campaigns_runtime::telemetry::start_quiet();
    let (spec, text) = match &arguments.file {
        Some(file) => run::prepare(file)?,
        None => (Spec::parse(SPEC).context("the demo's own spec is not valid")?, SPEC.to_owned()),
    };
    let data = arguments.data.clone().unwrap_or_else(|| paths::data_dir().join("demo"));
    clear(&data)?;
    let from = match &arguments.from {
        Some(from) => from.clone(),
        None => sources(&data, arguments.repos)?,
    };
    let paint = Paint::for_stderr();
    output::note(&format!(
        "{} making {} repositories of {}",
        paint.cyan("·"),
        arguments.repos,
        from.display()
    ));
    let twin = Twin::start(World {
        listen: if arguments.exit { ([127, 0, 0, 1], 0).into() } else { arguments.twin_listen },
        organization: ORGANIZATION,
        from,
        repositories: arguments.repos,
        data: &data.join("twin"),
    })
    .await?;
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let mut served = start(&arguments, data, &twin, &secret).await?;
    twin.send_webhooks(&format!("{}/webhooks/github", served.url()), &secret).await?;
    let client = client(&served)?;
    let outcome = tokio::select! {
        outcome = show(&client, &spec, &text, form) => outcome,
        failed = served.failed() => Err(failed),
        stop = signal::stop() => stop.map(|()| Verdict::Stopped).map_err(Into::into),
    };
    if !arguments.exit && matches!(outcome, Ok(Verdict::Well | Verdict::SomeFailed)) {
        stay(&client, &mut served, &twin, &spec.name).await?;
    }
    served.stop().await?;
    twin.stop().await?;
    outcome
}

/// Starts the one server, or as many as were asked for.
async fn start(arguments: &Demo, data: PathBuf, twin: &Twin, secret: &str) -> Result<Served> {
    let listen = if arguments.exit { ([127, 0, 0, 1], 0).into() } else { arguments.listen };
    if arguments.replicas > 1 {
        let common = Common {
            count: arguments.replicas,
            data: &data,
            listen,
            github_url: &twin.said.url,
            github_token: &twin.said.token,
            webhook_secret: secret,
            redis_url: serve::redis_url()?,
        };
        return Ok(Served::Apart(Box::new(Replicas::start(common).await?)));
    }
    let credentials = Credentials::Token(Secret::new(&twin.said.token));
    let mut settings = ReplicaSettings::new(data, GithubConfig::new(&twin.said.url, credentials)?);
    settings.listen = listen;
    // The stand-in has no limits here; github.com's would make the demo take an hour.
    settings.unlimited = true;
    settings.webhook_secrets = WebhookSecrets::parse(secret)?;
    Ok(Served::Here(Box::new(Replica::start(settings).await?)))
}

/// The campaign, from its spec to its summary.
async fn show(client: &Client, spec: &Spec, text: &str, form: Output) -> Result<Verdict> {
    let ended = carry_out(client, spec, text).await?;
    progress::conclude(client, &ended, form).await
}

/// Leaves everything up until somebody ends it.
async fn stay(client: &Client, served: &mut Served, twin: &Twin, campaign: &str) -> Result<()> {
    let first = client.changesets(campaign).await?.into_iter().find_map(|each| each.pull_request);
    invite(served, twin, campaign, first.map(|pull| pull.url));
    tokio::select! {
        stop = signal::stop() => stop?,
        failed = served.failed() => return Err(failed),
    }
    output::note("stopping");
    Ok(())
}

fn client(served: &Served) -> Result<Client> {
    Client::new(&served.url(), served.token().to_owned())
}

async fn carry_out(client: &Client, spec: &Spec, text: &str) -> Result<Run> {
    client.apply(&spec.name, text).await?;
    let run = client.create_run(&spec.name, &Uuid::now_v7().to_string(), &CreateRun::default()).await?;
    progress::follow(client, run.id, &mut Reporter::new()).await
}

/// Says where everything is, once the server is left running.
fn invite(served: &Served, twin: &Twin, name: &str, pull_request: Option<String>) {
    let paint = Paint::for_stderr();
    let server = served.url();
    let token = served.token_file().unwrap_or(Path::new(""));
    let line = |what: &str, place: &str| output::note(&format!("  {what:<14} {}", paint.cyan(place)));
    output::note(&format!("\n{}", paint.bold("Everything stays up until Ctrl-C:")));
    line("server", &server);
    for (url, process) in served.others() {
        let process = process.map(|process| format!("  (process {process})")).unwrap_or_default();
        line("another", &format!("{url}{process}"));
    }
    line("API", &format!("{server}/api/v1/openapi.json"));
    line("API token", &token.display().to_string());
    line("GitHub (twin)", &format!("{}/{ORGANIZATION}", twin.said.url));
    if let Some(url) = pull_request {
        line("pull request", &url);
    }
    let flags = if server == "http://127.0.0.1:7717" && token.starts_with(paths::data_dir()) {
        String::new()
    } else {
        format!(" --server {server} --api-token-file {}", token.display())
    };
    output::note(&format!("\n{}", paint.bold("Try, in another terminal:")));
    output::note(&format!("  bin/campaigns status {name}{flags}"));
    output::note(&format!("  bin/campaigns diff {name}{flags} | less -R"));
    output::note("  open a pull request and press Merge: the first command shows it at once");
    if let Some((_, Some(process))) = served.others().first() {
        output::note(&format!("  kill -9 {process}: the others take its work over"));
    }
}

/// Makes room for the demo's data. Only what an earlier demo left is removed.
fn clear(data: &Path) -> Result<()> {
    const MARK: &str = "DEMO";
    const TEXT: &str = "What is in this folder was made by `campaigns demo` and is replaced by the next.\n";
    if data.exists() {
        let empty =
            data.read_dir().with_context(|| format!("{} cannot be read", data.display()))?.next().is_none();
        let ours = std::fs::read_to_string(data.join(MARK)).is_ok_and(|text| text == TEXT);
        if !empty && !ours {
            bail!("{} is not a demo's folder: name an empty one with --data", data.display());
        }
        campaigns_runtime::replica::ensure_unused(data)?;
        std::fs::remove_dir_all(data).with_context(|| format!("{} cannot be cleared", data.display()))?;
    }
    campaigns_runtime::replica::make_folder(data)?;
    std::fs::write(data.join(MARK), TEXT)?;
    Ok(())
}

/// Where the source trees are: cargo's registry folder, or small made ones where that has too few.
fn sources(data: &Path, repositories: u32) -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registries = home.map(|home| home.join("registry/src")).and_then(|folder| folder.read_dir().ok());
    for registry in registries.into_iter().flatten().flatten() {
        let trees = registry.path().read_dir().map(Iterator::count).unwrap_or_default();
        if trees >= repositories as usize {
            return Ok(registry.path());
        }
    }
    output::note(
        "cargo's registry folder holds too few crates; small made-up repositories stand in for them",
    );
    made_up(&data.join("sources"), repositories)
}

/// Small source trees; every fifth has no README, so that the demo's steps leave it alone.
fn made_up(folder: &Path, repositories: u32) -> Result<PathBuf> {
    for number in 1..=repositories {
        let name = format!("service-{number:03}");
        let tree = folder.join(&name);
        std::fs::create_dir_all(tree.join("src"))?;
        std::fs::write(
            tree.join("Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\ndescription = \"Service {number}\"\n"
            ),
        )?;
        std::fs::write(
            tree.join("src/main.rs"),
            format!("fn main() {{\n    println!(\"service {number}\");\n}}\n"),
        )?;
        if number % 5 != 0 {
            std::fs::write(tree.join("README.md"), format!("# {name}\n\nOne of the services.\n"))?;
        }
    }
    Ok(folder.to_owned())
}
