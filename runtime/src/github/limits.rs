//! GitHub's rate-limit headers: what they ask for, and the metrics that show them.
//!
//! Deliberately absent: waiting. The limiter of the organisation does that. Source: "Rate limits for the REST
//! API" and "Best practices for using the REST API".

use super::wire::text;
use http::{HeaderMap, StatusCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long to wait where GitHub asks for it without saying how long.
pub(super) const A_MINUTE: Duration = Duration::from_secs(60);

/// The longest wait believed: a primary window is an hour.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// What the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// Requests left in the primary window.
    pub(super) remaining: Option<u64>,
    /// Until the primary window ends.
    pub(super) reset: Option<Duration>,
    /// `Retry-After`.
    pub(super) retry_after: Option<Duration>,
}

/// Reads the headers; `reset` is counted from the answer's own `Date`, so that a wrong clock here does no harm.
pub(super) fn said(headers: &HeaderMap) -> Said {
    let number = |name| text(headers, name).trim().parse::<u64>().ok();
    let now = server_time(headers)
        .or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs()));
    Said {
        remaining: number("x-ratelimit-remaining"),
        reset: number("x-ratelimit-reset")
            .zip(now)
            .map(|(reset, now)| Duration::from_secs(reset.saturating_sub(now).max(1)).min(LONGEST)),
        retry_after: number("retry-after").map(|seconds| Duration::from_secs(seconds.max(1)).min(LONGEST)),
    }
}

/// The answer's `Date`, in seconds since the epoch.
pub(super) fn server_time(headers: &HeaderMap) -> Option<u64> {
    let date = chrono::DateTime::parse_from_rfc2822(text(headers, "date")).ok()?;
    u64::try_from(date.timestamp()).ok()
}

/// Counts an answer, and shows what is left.
pub(super) fn record(operation: &'static str, status: StatusCode, headers: &HeaderMap, seconds: f64) {
    metrics::counter!("campaigns_github_requests_total", "operation" => operation, "status" => class(status))
        .increment(1);
    metrics::histogram!("campaigns_github_request_seconds", "operation" => operation).record(seconds);
    let resource = match text(headers, "x-ratelimit-resource") {
        "core" => "core",
        "graphql" => "graphql",
        "search" => "search",
        "" => return,
        _ => "other",
    };
    if let Some(remaining) = said(headers).remaining {
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float; the counts are far below 2^52")]
        metrics::gauge!("campaigns_github_rate_limit_remaining", "resource" => resource)
            .set(remaining as f64);
    }
}

/// Counts a request without an answer.
pub(super) fn record_lost(operation: &'static str, seconds: f64) {
    metrics::counter!("campaigns_github_requests_total", "operation" => operation, "status" => "none")
        .increment(1);
    metrics::histogram!("campaigns_github_request_seconds", "operation" => operation).record(seconds);
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "2xx",
        300..=399 => "3xx",
        401 => "401",
        403 => "403",
        404 => "404",
        422 => "422",
        429 => "429",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
