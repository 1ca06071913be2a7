//! Budgets: how full the windows are, what waits and why, and when it will be done.
//!
//! Deliberately absent: the forecast itself, which is the domain's, what rollouts hold (`foreseen`), and changing a
//! limit.

mod foreseen;

use super::{PAGE, Paging};
use crate::{
    auth::{May, Reading},
    body::{self, CampaignName, Id, Login},
    cursor,
    error::ApiError,
    ports::{OrganizationQueue, Queued},
    query::Params,
    response,
    state::ApiState,
    wire::{Budget, Estimate, OrganizationBudget, OrganizationPause, Waiting, WindowUse},
};
use axum::{extract::State, http::StatusCode, response::Response};
use campaigns_domain::{
    execution::rollout::Pace,
    id::{CampaignId, ChangesetId, RunId},
    publish::{
        budget::{
            CapScope, Counted, Foreseen, HeldBy, Own, OwnRules, Planned, Present, Spent, Use, Waits,
            WriteKind, forecast, next, used,
        },
        rollout::{closed, depends_on},
    },
};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// How many reads precede the writes of a changeset: its branch, its pull requests, and whether the repository
/// has opted out. One more precedes those for what
/// it wears.
const READS: u64 = 3;

/// What waits in a campaign and for what, and when it will be open.
#[utoipa::path(get, path = "/campaigns/{name}/budget", tag = "budget",
    params(("name" = String, Path, description = "The campaign's name"), Paging),
    responses((status = 200, body = Budget)))]
pub(crate) async fn of_campaign(
    _: May<Reading>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    Params(paging): Params<Paging>,
) -> Result<Response, ApiError> {
    let found = state.queues.waiting_of(&name).await?;
    let (campaign, organizations) = found.ok_or_else(|| ApiError::not_found(format!("campaign `{name}`")))?;
    answer(&state, organizations, Some(campaign), paging).await
}

/// What waits in an organisation and for what, and when it will be open.
#[utoipa::path(get, path = "/organizations/{login}/budget", tag = "budget",
    params(("login" = String, Path, description = "The organisation's or user's login"), Paging),
    responses((status = 200, body = Budget)))]
pub(crate) async fn of_organization(
    _: May<Reading>,
    State(state): State<ApiState>,
    Login(login): Login,
    Params(paging): Params<Paging>,
) -> Result<Response, ApiError> {
    if !state.queues.knows(&login).await? {
        return Err(ApiError::not_found(format!("organisation `{login}`")));
    }
    answer(&state, vec![login], None, paging).await
}

/// What publishing a run's results would take, with the limits in force and what waits already.
#[utoipa::path(get, path = "/runs/{id}/estimate", tag = "budget",
    params(("id" = Uuid, Path, description = "The run's id")),
    responses((status = 200, body = Estimate)))]
pub(crate) async fn estimate(
    _: May<Reading>,
    State(state): State<ApiState>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let found = state.queues.results(RunId(id)).await?;
    let found = found.ok_or_else(|| ApiError::not_found(format!("run {id}")))?;
    let depends_on = found.rollout.as_ref().map(depends_on).unwrap_or_default();
    let mut whole =
        Estimate { pull_requests: 0, writes: 0, api_calls: 0, seconds: 0, finished_at: None, depends_on };
    let mut never = false;
    for result in found.results {
        let queue = state.queues.queue(&result.organization, &state.settings.budget).await?;
        let (sending, mut waiting) = foreseen::plans(&queue);
        let mut rules = OrganizationQueue::own(&queue.runs);
        if let Some(first) = result.planned.first() {
            rules.add(first.campaign, Own::of(found.rollout.as_ref(), &Pace::default()));
        }
        let own = result.planned.iter().map(|planned| planned.changeset).collect::<HashSet<_>>();
        let writes: u64 = result.planned.iter().map(|planned| planned.writes.len() as u64).sum();
        whole.pull_requests += result.planned.len() as u64;
        whole.writes += writes;
        whole.api_calls += writes + READS * result.planned.len() as u64;
        whole.api_calls += result.planned.iter().filter(|planned| planned.dresses()).count() as u64;
        waiting.extend(result.planned);
        let history = queue.spending.writes();
        let present = present(&state, &result.organization, &queue, &rules, &history, (&sending, &waiting));
        let foreseen = forecast(&present);
        let last = foreseen.iter().filter(|one| own.contains(&one.changeset)).map(|one| one.open).max();
        never |= foreseen.iter().filter(|one| own.contains(&one.changeset)).count() < own.len();
        if let Some(last) = last {
            let seconds = (last - queue.spending.now).num_seconds();
            whole.seconds = whole.seconds.max(u64::try_from(seconds).unwrap_or_default());
            whole.finished_at = whole.finished_at.max(Some(last));
        }
    }
    if never {
        whole.finished_at = None;
    }
    response::json(StatusCode::OK, &whole)
}

fn present<'a>(
    state: &'a ApiState,
    organization: &'a str,
    queue: &'a OrganizationQueue,
    own: &'a OwnRules,
    history: &'a [Spent<'a>],
    (sending, waiting): (&'a [Planned], &'a [Planned]),
) -> Present<'a> {
    Present {
        now: queue.spending.now,
        not_before: queue.quiet.as_ref().map(|(until, _)| *until),
        budget: &state.settings.budget,
        own,
        pace: queue.pace,
        organization,
        history,
        at_once: state.settings.publish_at_once,
        sending,
        waiting,
    }
}

async fn answer(
    state: &ApiState,
    organizations: Vec<String>,
    campaign: Option<CampaignId>,
    paging: Paging,
) -> Result<Response, ApiError> {
    let limit = body::limit(paging.limit, PAGE.0, PAGE.1)?;
    let after: Option<Uuid> = cursor::decode(paging.cursor.as_deref())?;
    let mut budget = Budget { finished_at: None, organizations: vec![], items: vec![], next: None };
    for organization in organizations {
        let queue = state.queues.queue(&organization, &state.settings.budget).await?;
        let (sending, waiting) = foreseen::plans(&queue);
        let own = OrganizationQueue::own(&queue.runs);
        let history = queue.spending.writes();
        let present = present(state, &organization, &queue, &own, &history, (&sending, &waiting));
        let foreseen = forecast(&present);
        budget.organizations.push(standing(&present, &queue, campaign, &foreseen));
        budget.items.extend(items(&present, &queue, campaign, &foreseen));
    }
    // What never will be open comes last.
    let key = |item: &Waiting| (item.open_at.unwrap_or(DateTime::<Utc>::MAX_UTC), item.changeset_id);
    budget.items.sort_unstable_by_key(key);
    budget.finished_at = budget.items.last().and_then(|last| last.open_at);
    if let Some(after) = after {
        // Times move on from page to page, the order does not. Where the last one shown is open by now, so are those
        // before it.
        let shown = budget.items.iter().position(|item| item.changeset_id == after);
        budget.items.drain(..shown.map_or(0, |shown| shown + 1));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if budget.items.len() > limit {
        budget.items.truncate(limit);
        budget.next = budget.items.last().map(|last| cursor::encode(&last.changeset_id));
    }
    response::json(StatusCode::OK, &budget)
}

fn standing(
    present: &Present<'_>,
    queue: &OrganizationQueue,
    campaign: Option<CampaignId>,
    foreseen: &[Foreseen],
) -> OrganizationBudget {
    let of = campaign.unwrap_or(CampaignId(Uuid::nil()));
    let windows = used(present, of);
    let all = queue.queued.len();
    let done = foreseen.len() == all;
    OrganizationBudget {
        organization: present.organization.to_owned(),
        at: present.now,
        windows: windows.iter().map(window).collect(),
        spacing_milliseconds: present.budget.spacing + present.pace.extra,
        not_before: queue.quiet.as_ref().map(|(until, _)| *until),
        quiet_reason: queue.quiet.as_ref().map(|(_, reason)| reason.clone()).unwrap_or_default(),
        pause: queue.pause.as_ref().map(|(pause, since)| OrganizationPause {
            organization: present.organization.to_owned(),
            cause: pause.why.cause.as_str().to_owned(),
            reason: pause.why.reason.clone(),
            since: *since,
        }),
        next_permit_at: next(present, of, WriteKind::Tree).map(|(then, _)| then),
        waiting: all as u64,
        unforeseen: all.saturating_sub(foreseen.len()) as u64,
        finished_at: foreseen.iter().map(|one| one.open).max().filter(|_| done),
    }
}

fn window(one: &Use) -> WindowUse {
    WindowUse {
        scope: one.scope.as_str().to_owned(),
        counts: one.cap.counted.as_str().to_owned(),
        seconds: one.cap.window.seconds,
        cap: one.cap.window.cap,
        used: one.used,
    }
}

fn items<'a>(
    present: &Present<'a>,
    queue: &'a OrganizationQueue,
    campaign: Option<CampaignId>,
    foreseen: &[Foreseen],
) -> Vec<Waiting> {
    let foreseen: HashMap<ChangesetId, Foreseen> = foreseen.iter().map(|one| (one.changeset, *one)).collect();
    let holds = foreseen::holds(queue);
    let quiet = queue.quiet.as_ref().map(|(_, reason)| reason.as_str()).unwrap_or_default();
    let wanted =
        queue.queued.iter().filter(|it| campaign.is_none_or(|campaign| it.planned.campaign == campaign));
    let one = |queued: &Queued| {
        let then = foreseen.get(&queued.planned.changeset);
        let why = match (holds.get(&queued.planned.changeset), then, then.and_then(|then| then.held_by)) {
            (Some(hold), ..) => hold.clone(),
            (_, None, _) => ("window", "a cap of nothing lets none through: raise it".to_owned()),
            (_, _, None) => ("nothing", "it goes at once".to_owned()),
            (_, _, Some(Waits::Quiet)) => ("quiet", quiet.to_owned()),
            (_, _, Some(Waits::Hours)) => {
                ("hours", closed(present.own.hours(queued.planned.campaign), present.now))
            }
            (_, _, Some(waits)) => words(waits),
        };
        item(queued, then, why)
    };
    wanted.map(one).collect()
}

fn item(queued: &Queued, foreseen: Option<&Foreseen>, (waits_for, reason): (&str, String)) -> Waiting {
    Waiting {
        changeset_id: queued.planned.changeset.0,
        campaign: queued.campaign.clone(),
        run_id: queued.run.0,
        repository: queued.repository.clone(),
        sending: queued.sending,
        waits_for: waits_for.to_owned(),
        reason,
        open_at: foreseen.map(|foreseen| foreseen.open),
    }
}

fn words(waits: Waits) -> (&'static str, String) {
    match waits {
        Waits::Quiet => ("quiet", "GitHub asked to wait, or the organisation is paused".to_owned()),
        Waits::Turn => ("turn", "others go first".to_owned()),
        Waits::Hours => ("hours", "it is outside the hours of its rollout".to_owned()),
        Waits::Limit(HeldBy::Spacing) => ("spacing", "a distance is kept between writes".to_owned()),
        Waits::Limit(HeldBy::Window { scope, cap }) => {
            let what = match cap.counted {
                Counted::Content => "content-creating writes",
                Counted::PullRequests => "pull requests",
                Counted::Points => "points",
            };
            let of = match scope {
                CapScope::Global => "everywhere together",
                CapScope::Campaign => "of the campaign",
                CapScope::Organization => "in the organisation",
            };
            let within = match cap.window.seconds {
                60 => "a minute".to_owned(),
                3_600 => "an hour".to_owned(),
                86_400 => "a day".to_owned(),
                seconds => format!("{seconds} s"),
            };
            ("window", format!("{} {what} {of} in {within} are used up", cap.window.cap))
        }
    }
}
