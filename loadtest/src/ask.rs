//! Asking servers over HTTP with JSON, one question at a time.
//!
//! Deliberately absent: retries. A scenario that is not answered fails.

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One server, and the token that it wants.
pub(crate) struct Asked {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Asked {
    /// The server at `base`, which paths are added to.
    pub(crate) fn new(base: String, token: String) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // A connection that has been idle may be closed just as it is used again.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
        Ok(Self { runtime, http, base, token })
    }

    /// The same, for a server that may not answer just now: each question waits for seconds only.
    pub(crate) fn hasty(base: String, token: String) -> Result<Self> {
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .timeout(std::time::Duration::from_secs(5))
            .build()?;
        Ok(Self { http, ..Self::new(base, token)? })
    }

    /// Reads something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(self.http.get(self.url(path)), path)
    }

    /// Reads something that is no JSON.
    pub(crate) fn text(&self, path: &str) -> Result<String> {
        let request = self.http.get(self.url(path)).bearer_auth(&self.token);
        self.runtime.block_on(async {
            let response = request.send().await.with_context(|| format!("{path} was not answered"))?;
            Ok(response.error_for_status()?.text().await?)
        })
    }

    /// Sends something with POST.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        let request = self.http.post(self.url(path)).header("Idempotency-Key", path).json(body);
        self.send(request, path)
    }

    /// Sends something with PUT.
    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.send(self.http.put(self.url(path)).json(body), path)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder, path: &str) -> Result<T> {
        let request = request.bearer_auth(&self.token).header("Accept", "application/json");
        self.runtime.block_on(async {
            let response = request.send().await.with_context(|| format!("{path} was not answered"))?;
            let (status, text) = (response.status(), response.text().await?);
            ensure!(status.is_success(), "{path} was answered with {status}: {text}");
            serde_json::from_str(&text).with_context(|| format!("{path} was answered with {text}"))
        })
    }
}
