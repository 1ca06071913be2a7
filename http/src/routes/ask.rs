//! Asking something of many changesets at once. Deliberately absent: what becomes of it, which is the owners' matter.

use crate::{
    auth::{Action, Choosing},
    body::CampaignName,
    error::ApiError,
    json::JsonBody,
    ports::{AskedFor, Asking},
    response,
    routes::commanding::Commanding,
    state::ApiState,
    wire::{AskAction, AskChangesets, Asked, ChangesetState, MergeMethod, Selection},
};
use axum::{extract::State, http::StatusCode, response::Response};
use campaigns_domain::{
    changeset::{Ask, ChangesetState as Standing, MergeMethod as Way, Which},
    id::Digest,
    spec::Glob,
};

/// How many globs, states or labels a selection may have.
const MOST: usize = 100;

/// The longest comment, in bytes.
const LONGEST: usize = 10_000;

/// The state of a failed target, in a selection.
const FAILED: &str = "failed";

/// Asks something of every changeset of the campaign that is selected and fits: publish, ready, close, reopen, retry,
/// merge, comment, rebase, rerun or takeover; or pause, resume or cancel. With `preview`, only tells what would be
/// covered. The selection is resolved when the command is recorded. The same `Idempotency-Key` with the same body is the
/// same command.
#[utoipa::path(post, path = "/campaigns/{name}/ask", tag = "changesets",
    params(("name" = String, Path, description = "The campaign's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 200 visible characters")),
    request_body = AskChangesets,
    responses((status = 202, body = Asked, description = "The owners are told"),
        (status = 200, body = Asked, description = "A preview: nothing is done")))]
pub(crate) async fn ask(
    asker: Commanding<Choosing>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    JsonBody { value: asked }: JsonBody<AskChangesets>,
) -> Result<Response, ApiError> {
    asker.require(needed(asked.action))?;
    let command = asker.command(&format!("ask/{name}"))?;
    let fingerprint = Digest::of(&serde_json::to_vec(&asked).map_err(|_| ApiError::internal())?);
    let asking = asking(asked, fingerprint)?;
    let word = asking.ask.name();
    match state.writes.ask(&name, asking, command).await? {
        AskedFor::Preview(asked) => response::json(StatusCode::OK, &*asked),
        AskedFor::Recorded(asked, wake) => {
            state.wake.wake(&wake).await;
            response::json(StatusCode::ACCEPTED, &*asked)
        }
        AskedFor::Nothing(asked) => Err(ApiError::conflict("nothing-selected", nothing(&name, word, &asked))),
        AskedFor::KeyReused => Err(ApiError::conflict(
            "key-reused",
            "this Idempotency-Key was used for a request with another body; use a new key for a new request",
        )),
        AskedFor::NoCampaign => Err(ApiError::not_found(format!("campaign `{name}`"))),
    }
}

/// What whoever asks for it has to be allowed: pausing, resuming and cancelling a selection is pausing, resuming and
/// cancelling, and all else is asking.
fn needed(action: AskAction) -> Action {
    match action {
        AskAction::Pause => Action::Pause,
        AskAction::Resume => Action::Resume,
        AskAction::Cancel => Action::Cancel,
        AskAction::Publish
        | AskAction::Ready
        | AskAction::Close
        | AskAction::Reopen
        | AskAction::Retry
        | AskAction::Merge
        | AskAction::Comment
        | AskAction::Rebase
        | AskAction::Rerun
        | AskAction::Takeover => Action::Ask,
    }
}

fn nothing(name: &str, word: &str, asked: &Asked) -> String {
    if asked.left_out.is_empty() {
        return format!("the selection is empty: no changeset of `{name}` fits it");
    }
    let reasons: Vec<String> =
        asked.left_out.iter().map(|left| format!("{} ({})", left.reason, left.count)).collect();
    format!("there is nothing to {word} in the selection: {}", reasons.join("; "))
}

fn asking(asked: AskChangesets, fingerprint: Digest) -> Result<Asking, ApiError> {
    let AskChangesets { action, draft, body, method, selection, preview } = asked;
    if draft && action != AskAction::Publish {
        return Err(ApiError::bad_request("`draft` is for `publish` alone"));
    }
    if method.is_some() && action != AskAction::Merge {
        return Err(ApiError::bad_request("`method` is for `merge` alone"));
    }
    let body = text(action, body)?;
    let (ask, comment) = match action {
        AskAction::Publish => (Ask::Publish { draft }, None),
        AskAction::Ready => (Ask::Ready, None),
        AskAction::Pause => (Ask::Pause, None),
        AskAction::Resume => (Ask::Resume, None),
        AskAction::Cancel => (Ask::Cancel, None),
        AskAction::Close => (Ask::Close, body.map(|body| Ask::Comment { body })),
        AskAction::Reopen => (Ask::Reopen, None),
        AskAction::Retry => (Ask::Retry, None),
        AskAction::Merge => (Ask::Merge { method: method.map(way) }, None),
        AskAction::Comment => (Ask::Comment { body: body.unwrap_or_default() }, None),
        AskAction::Rebase => (Ask::Rebase, None),
        AskAction::Rerun => (Ask::Rerun, None),
        AskAction::Takeover => (Ask::Takeover, None),
    };
    let retries = action == AskAction::Retry;
    let targets = retries
        && selection.labels.is_empty()
        && (selection.states.is_empty() || selection.states.iter().any(|state| state == FAILED));
    let changesets = selection.states.is_empty() || selection.states.iter().any(|state| state != FAILED);
    let which = which(selection, retries)?;
    Ok(Asking { ask, comment, which, changesets, targets, preview, fingerprint })
}

fn way(method: MergeMethod) -> Way {
    match method {
        MergeMethod::Merge => Way::Merge,
        MergeMethod::Squash => Way::Squash,
        MergeMethod::Rebase => Way::Rebase,
    }
}

fn text(action: AskAction, body: Option<String>) -> Result<Option<String>, ApiError> {
    match (action, body) {
        (AskAction::Comment, None) => Err(ApiError::bad_request("`comment` needs a `body`: the text to say")),
        (AskAction::Comment | AskAction::Close, Some(body)) => {
            let fits = !body.trim().is_empty() && body.len() <= LONGEST;
            let words = || ApiError::bad_request(format!("`body` is a text of 1 to {LONGEST} bytes"));
            fits.then_some(Some(body)).ok_or_else(words)
        }
        (_, Some(_)) => Err(ApiError::bad_request("`body` is for `comment` and `close` alone")),
        (_, None) => Ok(None),
    }
}

fn which(selection: Selection, retries: bool) -> Result<Which, ApiError> {
    let Selection { repositories, states, labels } = selection;
    if [repositories.len(), states.len(), labels.len()].iter().any(|count| *count > MOST) {
        return Err(ApiError::bad_request(format!("a selection has at most {MOST} globs, states or labels")));
    }
    let glob = |text: &String| {
        Glob::new(text).map_err(|error| ApiError::bad_request(format!("`repositories`: {error}")))
    };
    let state = |text: &String| {
        let known: ChangesetState =
            text.parse().map_err(|error| ApiError::bad_request(format!("`states`: {error}")))?;
        let standing = Standing::ALL.into_iter().find(|standing| standing.as_str() == known.as_str());
        standing.ok_or_else(ApiError::internal)
    };
    let of_changesets = states.iter().filter(|state| !(retries && *state == FAILED));
    Ok(Which {
        repositories: repositories.iter().map(glob).collect::<Result<_, _>>()?,
        states: of_changesets.map(state).collect::<Result<_, _>>()?,
        labels,
    })
}
