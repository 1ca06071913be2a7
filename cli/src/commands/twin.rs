//! The stand-in GitHub as a process of its own: this program, started again under a hidden word.
//!
//! So the demo needs one binary. Deliberately absent: the stand-in itself, which is `campaigns-twin`.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The hidden word.
const WORD: &str = "__twin";

/// Where this process was started to be the twin: is it, and ends with its exit code.
pub(crate) fn entry() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let program = arguments.next()?;
    if arguments.next()? != WORD {
        return None;
    }
    // The demo holds the other end of standard input: when it ends, however it ends, so does this.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    Some(campaigns_twin::command::main(std::iter::once(program).chain(arguments)))
}

/// A running twin. It is asked to stop when this value goes.
pub(crate) struct Twin {
    child: Child,
    /// What it said when it was up.
    pub(crate) said: Greeting,
}

/// The line that a twin prints when it is up.
#[derive(Debug, Deserialize)]
pub(crate) struct Greeting {
    /// Its address.
    pub(crate) url: String,
    /// A personal token that may do everything in the organisation.
    pub(crate) token: String,
    /// What opens its admin space.
    admin_token: String,
}

/// What a twin is to serve.
pub(crate) struct World<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) organization: &'a str,
    pub(crate) from: PathBuf,
    pub(crate) repositories: u32,
    pub(crate) data: &'a Path,
}

impl Twin {
    /// Starts a twin and waits until its organisation is seeded and it serves.
    ///
    /// # Errors
    /// Where it ends before; what it said about that has gone to standard error.
    pub(crate) async fn start(world: World<'_>) -> Result<Self> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut child = Command::new(program)
            .args([WORD, "serve", "--no-limits", "-o", "json", "--org", world.organization])
            .args(["--listen", &world.listen.to_string(), "--repos", &world.repositories.to_string()])
            .arg("--from")
            .arg(&world.from)
            .arg("--data")
            .arg(world.data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is for this process; it stops the twin when it is done with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("the stand-in GitHub could not be started")?;
        let stdout = child.stdout.take().context("the stand-in GitHub has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        if line.is_empty() {
            let status = child.wait().await?;
            anyhow::bail!("the stand-in GitHub ended at once ({status}); what it said stands above");
        }
        let said = serde_json::from_str(&line).context("the stand-in GitHub said something unexpected")?;
        Ok(Self { child, said })
    }

    /// Has it send the webhooks of its App to `url` from now on, signed with `secret`.
    ///
    /// # Errors
    /// Where it does not take that.
    pub(crate) async fn send_webhooks(&self, url: &str, secret: &str) -> Result<()> {
        let request =
            reqwest::Client::builder().no_proxy().build()?.post(format!("{}/_twin/webhooks", self.said.url));
        let request = request.bearer_auth(&self.said.admin_token);
        let body = serde_json::json!({ "url": url, "secret": secret });
        let answer = request.json(&body).send().await.context("the stand-in GitHub does not answer")?;
        answer.error_for_status().context("the stand-in GitHub does not send webhooks")?;
        Ok(())
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("the stand-in GitHub could not be stopped")
    }
}
