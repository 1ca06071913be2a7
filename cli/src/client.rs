//! The server's API as functions: one request each, answers typed by `campaigns-wire`.
//!
//! Redirects are not followed, so that the token goes nowhere else. Deliberately absent: where the server and its
//! token are found (`connection`), and printing.

use anyhow::{Context as _, Result, bail};
use campaigns_wire::{
    Applied, ApplySpec, AskChangesets, Asked, Budget, Campaign, Changeset, Command, CreateRun, Estimate,
    Installation, Page, Problem, Run, SetPace, SpecVersion, Target,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use std::time::Duration;
use uuid::Uuid;

/// A server of Campaigns, with the right to use it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    token: String,
    /// Where the token was found, for people.
    found: String,
}

/// The server's answer to something it did not do.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Refused {
    pub(crate) problem: Problem,
}

impl Client {
    /// A client of the server at `base`.
    ///
    /// # Errors
    /// Where the address is none.
    pub(crate) fn new(base: &str, token: String) -> Result<Self> {
        let parsed = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let mut base = parsed.with_context(|| {
            format!("`{base}` is no server's address: write `http://HOST:PORT` or `https://…`")
        })?;
        if base.password().is_some() || !base.username().is_empty() {
            // An address is shown wherever something is said of the server.
            bail!(
                "a server's address holds no user and no password: write `http://HOST:PORT`, and give the token with \
                 CAMPAIGNS_TOKEN or --api-token-file"
            );
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("campaigns/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .no_proxy()
            .build()?;
        Ok(Self { http, base, token, found: "that was given".to_owned() })
    }

    /// The same, saying where its token was found.
    #[must_use]
    pub(crate) fn with_token_found(self, found: String) -> Self {
        Self { found, ..self }
    }

    /// Applies a spec to the campaign it names.
    pub(crate) async fn apply(&self, name: &str, spec: &str) -> Result<Applied> {
        let request = self.request(Method::PUT, &["campaigns", name], &[])?;
        self.answer(request.json(&ApplySpec { spec: spec.to_owned() }).send().await).await
    }

    /// Starts a run; the same key again is the same run.
    pub(crate) async fn create_run(&self, campaign: &str, key: &str, run: &CreateRun) -> Result<Run> {
        let request = self.request(Method::POST, &["campaigns", campaign, "runs"], &[])?;
        self.answer(request.header("Idempotency-Key", key).json(run).send().await).await
    }

    /// Every campaign.
    pub(crate) async fn campaigns(&self) -> Result<Vec<Campaign>> {
        self.all(&["campaigns"], &[]).await
    }

    /// The App's installations.
    pub(crate) async fn installations(&self) -> Result<Vec<Installation>> {
        self.all(&["installations"], &[]).await
    }

    /// A campaign by name.
    pub(crate) async fn campaign(&self, name: &str) -> Result<Campaign> {
        self.get(&["campaigns", name], &[]).await
    }

    /// The versions of a campaign's spec, newest first.
    pub(crate) async fn specs(&self, name: &str) -> Result<Vec<SpecVersion>> {
        self.all(&["campaigns", name, "specs"], &[]).await
    }

    /// A run.
    pub(crate) async fn run(&self, run: Uuid) -> Result<Run> {
        self.get(&["runs", &run.to_string()], &[]).await
    }

    /// A campaign's runs, newest first.
    pub(crate) async fn runs(&self, campaign: &str) -> Result<Vec<Run>> {
        self.all(&["campaigns", campaign, "runs"], &[]).await
    }

    /// A run's targets in these states (none is all).
    pub(crate) async fn targets(&self, run: Uuid, states: &[&str]) -> Result<Vec<Target>> {
        let states = states.join(",");
        let query: &[(&str, &str)] = if states.is_empty() { &[] } else { &[("state", &states)] };
        self.all(&["runs", &run.to_string(), "targets"], query).await
    }

    /// A campaign's changesets.
    pub(crate) async fn changesets(&self, campaign: &str) -> Result<Vec<Changeset>> {
        self.all(&["campaigns", campaign, "changesets"], &[]).await
    }

    /// What waits in one of the `campaigns` or `organizations`, with every page of it.
    pub(crate) async fn budget(&self, of: &str, name: &str) -> Result<Budget> {
        let mut whole: Option<Budget> = None;
        let mut cursor: Option<String> = None;
        loop {
            let query: Vec<(&str, &str)> =
                cursor.iter().map(|cursor| ("cursor", cursor.as_str())).chain([("limit", "500")]).collect();
            let mut page: Budget = self.get(&[of, name, "budget"], &query).await?;
            let next = page.next.take();
            match &mut whole {
                Some(whole) => whole.items.extend(page.items),
                None => whole = Some(page),
            }
            match (next, whole.take()) {
                (None, Some(whole)) => return Ok(whole),
                (next, kept) => (cursor, whole) = (next, kept),
            }
        }
    }

    /// What publishing a run's results would take.
    pub(crate) async fn estimate(&self, run: Uuid) -> Result<Estimate> {
        self.get(&["runs", &run.to_string(), "estimate"], &[]).await
    }

    /// A target's unified diff, exactly.
    pub(crate) async fn diff(&self, target: Uuid) -> Result<String> {
        let request = self.request(Method::GET, &["targets", &target.to_string(), "diff"], &[])?;
        let response = self.sent(request.header(header::ACCEPT, "text/x-diff").send().await).await?;
        let bytes = response.bytes().await.context("the server's answer broke off")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A part of a target's log, from a byte on; empty at its end.
    pub(crate) async fn log(&self, target: Uuid, from: u64) -> Result<Vec<u8>> {
        let from = from.to_string();
        let request =
            self.request(Method::GET, &["targets", &target.to_string(), "log"], &[("from", &from)])?;
        let response = self.sent(request.send().await).await?;
        Ok(response.bytes().await.context("the server's answer broke off")?.to_vec())
    }

    /// The end of a target's log, at most so many bytes of it.
    pub(crate) async fn log_end(&self, target: Uuid, most: u64) -> Result<Vec<u8>> {
        let id = target.to_string();
        let path = ["targets", id.as_str(), "log"];
        let look = self.sent(self.request(Method::GET, &path, &[("limit", "1")])?.send().await).await?;
        let size = look.headers().get("log-size").and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
        self.log(target, size.unwrap_or_default().saturating_sub(most)).await
    }

    /// Pauses, resumes or cancels (the verb) a run or a whole campaign (the path).
    pub(crate) async fn steer(&self, path: &[&str], verb: &str) -> Result<Command> {
        let path: Vec<&str> = path.iter().copied().chain([verb]).collect();
        let request = self.request(Method::POST, &path, &[])?;
        self.answer(request.send().await).await
    }

    /// Asks something of a campaign's changesets.
    pub(crate) async fn ask(&self, campaign: &str, ask: &AskChangesets) -> Result<Asked> {
        let request = self.request(Method::POST, &["campaigns", campaign, "ask"], &[])?;
        self.answer(request.json(ask).send().await).await
    }

    /// Sets the pace of a campaign's live runs.
    pub(crate) async fn pace(&self, campaign: &str, pace: &SetPace) -> Result<Command> {
        let request = self.request(Method::POST, &["campaigns", campaign, "pace"], &[])?;
        self.answer(request.json(pace).send().await).await
    }

    /// Asks for a fresh read of a campaign's pull requests.
    pub(crate) async fn sync(&self, campaign: &str) -> Result<Command> {
        let request = self.request(Method::POST, &["campaigns", campaign, "sync"], &[])?;
        self.answer(request.send().await).await
    }

    /// A command.
    pub(crate) async fn command(&self, command: Uuid) -> Result<Command> {
        self.get(&["commands", &command.to_string()], &[]).await
    }

    /// The live stream of a run's events, from behind `after`.
    pub(crate) async fn stream(&self, run: Uuid, after: Option<&str>) -> Result<Response> {
        let mut request = self
            .request(Method::GET, &["runs", &run.to_string(), "events"], &[])?
            .header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        self.sent(request.send().await).await
    }

    async fn all<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<T>> {
        let mut items = vec![];
        let mut cursor: Option<String> = None;
        loop {
            let mut asked = query.to_vec();
            if let Some(cursor) = &cursor {
                asked.push(("cursor", cursor));
            }
            let page: Page<T> = self.get(path, &asked).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(items),
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T> {
        self.answer(self.request(Method::GET, path, query)?.send().await).await
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<RequestBuilder> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("`{}` is not the address of a server", self.base))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url).bearer_auth(&self.token))
    }

    async fn answer<T: DeserializeOwned>(&self, sent: reqwest::Result<Response>) -> Result<T> {
        let response = self.sent(sent).await?;
        response.json().await.map_err(reqwest::Error::without_url).with_context(|| {
            format!(
                "what {} answered is not what this version ({}) understands",
                self.base,
                env!("CARGO_PKG_VERSION")
            )
        })
    }

    async fn sent(&self, response: reqwest::Result<Response>) -> Result<Response> {
        let base = self.base.as_str().trim_end_matches('/');
        let response = response.map_err(|error| {
            anyhow::Error::msg(root(&error)).context(format!(
                "the server at {base} does not answer: start it with `campaigns serve`, or name another one with --server"
            ))
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<Problem>().await {
            Ok(_) if status == StatusCode::UNAUTHORIZED => bail!(
                "the server at {base} does not accept the API token {}: give one of its own with CAMPAIGNS_TOKEN or \
                 --api-token-file; its first one is in the file that `campaigns serve` names when it starts",
                self.found
            ),
            Ok(problem) => Err(Refused { problem }.into()),
            Err(_) => bail!("the server at {base} answered {status} without saying why; is it Campaigns?"),
        }
    }
}

/// What lies at the bottom of an error; what lies above it names layers of the program.
fn root(error: &dyn std::error::Error) -> String {
    let mut bottom = error;
    while let Some(cause) = bottom.source() {
        bottom = cause;
    }
    bottom.to_string()
}
