//! The numbers that GitHub limits by, each with GitHub's documented value as its default, and how a limit is told.
//! Source: GitHub's "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL API".
//! Deliberately absent: CPU time, which GitHub limits too and no stand-in can measure as GitHub does.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Which requests count as creating content. GitHub does not say; a client has to assume the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Creating {
    /// Every write.
    #[default]
    Writes,
    /// Only the opening of a pull request.
    Pulls,
}

/// How the limits of content creation are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Wording {
    /// 403 or 429 and "You have exceeded a secondary rate limit".
    #[default]
    Secondary,
    /// 422 (GraphQL: 200 with an error) and "was submitted too quickly".
    TooQuickly,
}

/// Every limit. In a request to `/_twin/limits` what is left out stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Args)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Primary: REST requests an hour, for each person, installation and app.
    #[arg(long = "limit-core", value_name = "N", default_value_t = 5_000)]
    pub core: u64,
    /// Primary: GraphQL points an hour, for each person and installation.
    #[arg(long = "limit-graphql", value_name = "N", default_value_t = 5_000)]
    pub graphql: u64,
    /// Primary: REST requests an hour, for each address without a token.
    #[arg(long = "limit-anonymous", value_name = "N", default_value_t = 60)]
    pub anonymous: u64,
    /// Secondary: REST points in any minute; a read costs 1, a write 5.
    #[arg(long = "limit-rest-points", value_name = "N", default_value_t = 900)]
    pub rest_points: u64,
    /// Secondary: GraphQL points in any minute; a query costs 1, a mutation 5.
    #[arg(long = "limit-graphql-points", value_name = "N", default_value_t = 2_000)]
    pub graphql_points: u64,
    /// Secondary: requests at the same time, REST and GraphQL together.
    #[arg(long = "limit-concurrent", value_name = "N", default_value_t = 100)]
    pub concurrent: u64,
    /// Secondary: requests that create content, in any minute.
    #[arg(long = "limit-creations-per-minute", value_name = "N", default_value_t = 80)]
    pub creations_per_minute: u64,
    /// Secondary: requests that create content, in any hour.
    #[arg(long = "limit-creations-per-hour", value_name = "N", default_value_t = 500)]
    pub creations_per_hour: u64,
    /// Seconds in that minute; fewer make a world whose limits can be seen to bind in less time.
    #[arg(long = "limit-minute", value_name = "SECONDS", default_value_t = 60)]
    pub creation_minute: u32,
    /// Seconds in that hour.
    #[arg(long = "limit-hour", value_name = "SECONDS", default_value_t = 3_600)]
    pub creation_hour: u32,
    /// Which requests create content.
    #[arg(long, value_enum, default_value = "writes")]
    pub creating: Creating,
    /// Undocumented: so many creations in a row, each sooner after the last one than the pause; 0 is no such limit.
    #[arg(long = "limit-row", value_name = "N", default_value_t = 0)]
    pub row: u64,
    /// Seconds without a creation that end a row.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub row_pause: u64,
    /// Status of a secondary refusal: 403 or 429.
    #[arg(long, value_name = "STATUS", default_value_t = 403, value_parser = clap::value_parser!(u16).range(403..=429))]
    pub secondary_status: u16,
    /// Status of a secondary refusal of GraphQL: 403 or 200.
    #[arg(long, value_name = "STATUS", default_value_t = 403, value_parser = clap::value_parser!(u16).range(200..=403))]
    pub graphql_secondary_status: u16,
    /// Seconds in the `Retry-After` of a secondary refusal; 0 leaves the header out.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub retry_after: u64,
    /// How the limits of content creation are told.
    #[arg(long, value_enum, default_value = "secondary")]
    pub wording: Wording,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            core: 5_000,
            graphql: 5_000,
            anonymous: 60,
            rest_points: 900,
            graphql_points: 2_000,
            concurrent: 100,
            creations_per_minute: 80,
            creations_per_hour: 500,
            creation_minute: 60,
            creation_hour: 3_600,
            creating: Creating::Writes,
            row: 0,
            row_pause: 60,
            secondary_status: 403,
            graphql_secondary_status: 403,
            retry_after: 60,
            wording: Wording::Secondary,
        }
    }
}

impl Settings {
    /// These settings with some fields replaced.
    ///
    /// # Errors
    /// Where a field is not one of these, or not of its type.
    pub fn with(&self, fields: &serde_json::Value) -> Result<Self, serde_json::Error> {
        let mut merged = serde_json::to_value(self)?;
        if let (Some(known), Some(given)) = (merged.as_object_mut(), fields.as_object()) {
            known.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        serde_json::from_value(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use serde_json::json;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn flags_and_fields_have_the_same_defaults() {
        assert_eq!(Flags::parse_from(["twin"]).settings, Settings::default());
        let flags = Flags::parse_from(["twin", "--limit-row", "10", "--creating", "pulls"]).settings;
        assert_eq!(flags, Settings { row: 10, creating: Creating::Pulls, ..Settings::default() });
    }

    #[test]
    fn some_fields_are_replaced_and_unknown_ones_refused() {
        let settings = Settings::default().with(&json!({"core": 7, "wording": "too_quickly"})).unwrap();
        assert_eq!(settings, Settings { core: 7, wording: Wording::TooQuickly, ..Settings::default() });
        assert!(Settings::default().with(&json!({"cores": 7})).is_err());
        assert!(Settings::default().with(&json!({"core": "many"})).is_err());
    }
}
