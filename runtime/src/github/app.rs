//! What the GitHub App asks about itself, with its JSON web token: where it is installed, and which deliveries of its
//! webhook did not arrive.
//!
//! Sources: "REST API endpoints for GitHub Apps", "… for GitHub App webhooks". Deliberately absent: installation
//! tokens (`token`), and deciding which delivery is asked for again (`webhooks`).

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route, parse},
    paid::Paid,
    token::Scope,
    wire::JSON,
};
use campaigns_actors::ports::CodeHostError;
use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// An installation of the App.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Installation {
    /// Its id.
    pub id: u64,
    /// Whose account it is installed in.
    pub account: InstallationAccount,
    /// `all` or `selected`.
    #[serde(default)]
    pub repository_selection: String,
    /// What it may do, by GitHub's names.
    #[serde(default)]
    pub permissions: Value,
    /// The events that it is told of.
    #[serde(default)]
    pub events: Vec<String>,
    /// Since when it is suspended.
    #[serde(default)]
    pub suspended_at: Option<DateTime<Utc>>,
}

/// The account of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationAccount {
    /// Its login.
    pub login: String,
    /// `Organization` or `User`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// An attempt of GitHub's at a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// Its number, which grows.
    pub id: u64,
    /// The delivery's id, the same for every attempt.
    pub guid: Uuid,
    /// When it was made.
    pub delivered_at: DateTime<Utc>,
    /// The status that came back; that of a proxy where none did.
    pub status_code: u16,
    /// The event.
    pub event: String,
}

impl Attempt {
    /// Whether it was acknowledged.
    pub fn arrived(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// A page of attempts, newest first, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// The attempts.
    pub attempts: Vec<Attempt>,
    /// The address of the next page, within the API.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Identity {
    id: u64,
}

impl GitHub {
    /// Whether it is used as a GitHub App, which alone has installations and a webhook.
    pub fn is_app(&self) -> bool {
        self.tokens.is_app()
    }

    /// The App's numeric id.
    ///
    /// # Errors
    /// As every read.
    pub async fn app_id(&self) -> Result<u64, CodeHostError> {
        let ask = as_app(Method::GET, "apps/get-authenticated", "/app".to_owned(), "the GitHub App");
        Ok(self.json::<Identity>(ask).await?.id)
    }

    /// Every installation of the App; complete, or an error.
    ///
    /// # Errors
    /// As every read.
    pub async fn installations(&self) -> Result<Vec<Installation>, CodeHostError> {
        let path = "/app/installations?per_page=100".to_owned();
        let ask = as_app(Method::GET, "apps/list-installations", path, "the App's installations");
        let pages: Vec<Vec<Installation>> = self.pages(ask).await?;
        Ok(pages.into_iter().flatten().collect())
    }

    /// One installation, or `None` where it is gone.
    ///
    /// # Errors
    /// As every read.
    pub async fn installation(&self, id: u64) -> Result<Option<Installation>, CodeHostError> {
        let subject = format!("the App's installation {id}");
        let ask = as_app(Method::GET, "apps/get-installation", format!("/app/installations/{id}"), &subject);
        match self.json(ask).await {
            Ok(found) => Ok(Some(found)),
            Err(CodeHostError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of the attempts that GitHub keeps (three days of them), newest first; the first one, or the one that
    /// the page before leads to.
    ///
    /// # Errors
    /// As every read.
    pub async fn attempts(&self, page: Option<String>) -> Result<Attempts, CodeHostError> {
        let path = page.unwrap_or_else(|| "/app/hook/deliveries?per_page=100".to_owned());
        let ask = as_app(Method::GET, "apps/list-webhook-deliveries", path, "the webhook's deliveries");
        let about = ask.about.clone();
        let raw = self.ask(ask).await?;
        Ok(Attempts { next: self.next_page(&about, &raw)?, attempts: parse(&about, &raw)? })
    }

    /// Has a delivery attempted again. Whether GitHub still keeps it.
    ///
    /// # Errors
    /// As every call. It is not known then whether another attempt is made; one too many does no harm.
    pub async fn redeliver(&self, attempt: u64) -> Result<bool, CodeHostError> {
        let path = format!("/app/hook/deliveries/{attempt}/attempts");
        let subject = format!("the webhook's delivery {attempt}");
        let mut ask = as_app(Method::POST, "apps/redeliver-webhook-delivery", path, &subject);
        ask.about.doing = format!("asking for {subject} again");
        ask.about.write = true;
        let raw = self.ask(ask.understanding(&[404, 410, 422])).await?;
        Ok(raw.status == StatusCode::ACCEPTED)
    }
}

/// A request as the App itself.
fn as_app(method: Method, operation: &'static str, path: String, subject: &str) -> Ask<'static> {
    Ask {
        operation,
        method,
        route: Route::Path(path),
        accept: JSON,
        body: None,
        scope: Scope::App,
        about: About {
            doing: format!("reading {subject}"),
            subject: subject.to_owned(),
            write: false,
            app: true,
        },
        paid: Paid::Credential,
        understood: &[],
    }
}
