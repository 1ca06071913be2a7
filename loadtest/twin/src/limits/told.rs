//! How a limit is told, in GitHub's words: status, message, `documentation_url` and, where the settings say so,
//! `Retry-After`. Deliberately absent: when a limit is reached (`primary`, `secondary`).

use super::secondary::Reached;
use super::settings::{Settings, Wording};
use crate::rest::refusal::Refusal;
use serde_json::json;

const DOCUMENTATION: &str =
    "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";

/// How a secondary limit is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Was it GraphQL that was asked?
    pub graphql: bool,
    /// Is it about the creation of content?
    pub creation: bool,
    /// As what?
    pub wording: Wording,
    /// The status where it is told as a secondary limit.
    pub status: u16,
    /// Seconds in `Retry-After`; 0 leaves the header out.
    pub retry_after: u64,
}

impl Telling {
    /// As the settings want it.
    pub fn new(settings: &Settings, graphql: bool, reached: Option<Reached>) -> Self {
        let creation = reached.is_none_or(Reached::is_creation);
        Self {
            graphql,
            creation,
            wording: if creation { settings.wording } else { Wording::Secondary },
            status: if graphql { settings.graphql_secondary_status } else { settings.secondary_status },
            retry_after: settings.retry_after,
        }
    }

    /// The refusal.
    pub fn refusal(self, request_id: &str) -> Refusal {
        if self.wording == Wording::TooQuickly {
            return self.too_quickly();
        }
        let about = if self.creation {
            " and have been temporarily blocked from content creation. Please retry your request again later."
        } else {
            ". Please wait a few minutes before you try again."
        };
        let message = format!(
            "You have exceeded a secondary rate limit{about} If you reach out to GitHub Support for help, please \
             include the request ID {request_id}."
        );
        let mut refusal = Refusal::new(self.status, message.clone());
        refusal.body = match self.status {
            200 => json!({"errors": [{"type": "RATE_LIMITED", "message": message}]}),
            _ => json!({"documentation_url": DOCUMENTATION, "message": message}),
        };
        if self.retry_after > 0 {
            refusal = refusal.header("retry-after", self.retry_after.to_string());
        }
        refusal
    }

    fn too_quickly(self) -> Refusal {
        let words = "was submitted too quickly";
        if self.graphql {
            let mut refusal = Refusal::new(200, words);
            refusal.body = json!({"data": null, "errors": [{"type": "UNPROCESSABLE", "message": words}]});
            return refusal;
        }
        Refusal::validation("Issue", "custom", None, Some(words.to_owned()))
    }
}

/// How GraphQL's primary limit is told, with status 200.
pub fn graphql_primary() -> serde_json::Value {
    json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_as_the_settings_say() {
        let settings = Settings { secondary_status: 429, retry_after: 0, ..Settings::default() };
        let refusal = Telling::new(&settings, false, Some(Reached::Points)).refusal("A:B");
        assert_eq!((refusal.status, refusal.headers.len()), (429, 0));
        assert!(refusal.body["message"].as_str().unwrap().contains("secondary rate limit. Please wait"));
        assert!(refusal.body["documentation_url"].as_str().unwrap().contains("secondary-rate-limits"));

        let settings = Settings { graphql_secondary_status: 200, ..Settings::default() };
        let refusal = Telling::new(&settings, true, Some(Reached::CreationsPerHour)).refusal("A:B");
        assert_eq!((refusal.status, refusal.headers), (200, vec![("retry-after", "60".to_owned())]));
        assert!(refusal.body["errors"][0]["message"].as_str().unwrap().contains("content creation"));
    }

    #[test]
    fn too_quickly_is_said_of_creations_alone() {
        let settings = Settings { wording: Wording::TooQuickly, ..Settings::default() };
        let refusal = Telling::new(&settings, false, Some(Reached::Row)).refusal("A:B");
        assert_eq!(refusal.status, 422);
        assert_eq!(refusal.body["errors"][0]["message"], "was submitted too quickly");
        assert_eq!(Telling::new(&settings, true, Some(Reached::Row)).refusal("A:B").status, 200);
        assert_eq!(Telling::new(&settings, false, Some(Reached::Concurrent)).refusal("A:B").status, 403);
    }
}
