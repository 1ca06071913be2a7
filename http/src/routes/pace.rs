//! The pace of a campaign's live runs: caps and priority, set without running anything again.
//!
//! Deliberately absent: what follows from it, which is decided by whoever owns the run.

use crate::{
    auth::Pacing,
    body::CampaignName,
    error::ApiError,
    json::JsonBody,
    ports::Paced,
    response,
    routes::commanding::Commanding,
    state::ApiState,
    wire::{CapSetting, Command, Priority, SetPace},
};
use axum::{extract::State, http::StatusCode, response::Response};
use campaigns_domain::{
    execution::rollout::{PaceChange, Set},
    spec,
};

/// Sets the pace of a campaign's live runs. The lowest of the campaign's, the organisation's and the global cap holds.
/// The same `Idempotency-Key` is the same command.
#[utoipa::path(post, path = "/campaigns/{name}/pace", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    request_body = SetPace,
    responses((status = 202, body = Command, description = "The owners are told")))]
pub(crate) async fn pace(
    asker: Commanding<Pacing>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    JsonBody { value: asked }: JsonBody<SetPace>,
) -> Result<Response, ApiError> {
    if asked == SetPace::default() {
        return Err(ApiError::bad_request(
            "this sets nothing: name one of per_minute, per_hour, per_day, max_open, max_pending_checks, priority",
        ));
    }
    let pace = PaceChange {
        per_minute: set("per_minute", asked.per_minute)?,
        per_hour: set("per_hour", asked.per_hour)?,
        per_day: set("per_day", asked.per_day)?,
        max_open: set("max_open", asked.max_open)?,
        max_pending_checks: set("max_pending_checks", asked.max_pending_checks)?,
        priority: asked.priority.map(|priority| match priority {
            Priority::Normal => spec::Priority::Normal,
            Priority::Urgent => spec::Priority::Urgent,
        }),
    };
    let command = asker.command(&format!("pace/{name}"))?;
    match state.writes.pace_campaign(&name, pace, command).await? {
        Paced::Accepted(started) => {
            state.wake.wake(&started.wake).await;
            response::json(StatusCode::ACCEPTED, &started.command)
        }
        Paced::NoRun => Err(ApiError::conflict(
            "no-run",
            format!("campaign `{name}` has no run under way: write its pace into the spec's `rollout`"),
        )),
        Paced::NoRollout => Err(ApiError::conflict(
            "no-rollout",
            format!(
                "the run of campaign `{name}` has no rollout, so nobody counts what is open: `max_open` and \
                 `max_pending_checks` can be set where its spec has `rollout`"
            ),
        )),
        Paced::Nothing => Err(ApiError::not_found(format!("campaign `{name}`"))),
    }
}

fn set(name: &str, setting: Option<CapSetting>) -> Result<Option<Set>, ApiError> {
    match setting {
        None => Ok(None),
        Some(CapSetting::Word(_)) => Ok(Some(Set::AsSpec)),
        Some(CapSetting::To(cap @ 1..)) => Ok(Some(Set::To(cap))),
        Some(CapSetting::To(0)) => Err(ApiError::bad_request(format!(
            "`{name}: 0` would stop everything: pause the campaign for that, or write \"spec\" for what its spec says"
        ))),
    }
}
