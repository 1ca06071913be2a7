//! The database of a replica: the one that is named, or the embedded server in the data folder.
//!
//! Deliberately absent: the schema (`store`) and how the server is found and run (`embedded`).

use crate::embedded::EmbeddedPostgres;
use anyhow::{Context as _, Result, anyhow};
use std::{path::Path, time::Duration};

/// A database that answers.
pub(super) struct Database {
    url: String,
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// Takes the database at `url`, or starts the embedded server below `data`.
    pub(super) async fn start(url: Option<&str>, data: &Path) -> Result<Self> {
        if let Some(url) = url {
            return Ok(Self { url: url.to_owned(), embedded: None });
        }
        let folder = data.join("postgres");
        let embedded = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&folder))
            .await
            .context("starting the embedded database was interrupted")??;
        Ok(Self { url: embedded.url(), embedded: Some(embedded) })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Resolves when the embedded server has ended by itself; never for a named one, which the pool reconnects to.
    pub(super) async fn failed(&self) -> anyhow::Error {
        match &self.embedded {
            None => std::future::pending().await,
            Some(embedded) => {
                while embedded.runs() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                anyhow!("the embedded database ended by itself; its log is in the data folder")
            }
        }
    }

    pub(super) async fn stop(self) -> Result<()> {
        if let Some(embedded) = self.embedded {
            tokio::task::spawn_blocking(move || embedded.stop())
                .await
                .context("stopping the embedded database was interrupted")??;
        }
        Ok(())
    }
}
