//! Reading pull requests afresh, many at once: a page of a campaign's, or of whatever is due.
//!
//! A batch that gets no answer is halved, down to single pull requests; one that the code host names as not there is
//! looked for by its repository before anything is said about it. Deliberately absent: what an observation means
//! (`campaigns_domain::reconcile`). An error is no observation.

use super::{
    closer,
    moved::{self, Based},
    whereabouts,
};
use crate::{
    ports::{
        CodeHost, CodeHostError, Followed, MOST_READ_AT_ONCE, ReadBudget, RepositoryRef, Store, StoreError,
    },
    scope::Scope,
};
use campaigns_domain::{
    changeset::{Away, Changeset, OwnersAsked},
    id::{CampaignId, ChangesetId, RepositoryName},
    publish::{Adopted, PullRequest, PullRequestState, Reading, is_off_record, reviewers},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// How many batches in a row may go without an answer. One batch of fifty is down to one pull request after six
/// halvings; where that gets none either, the code host is not answering at all.
const UNANSWERED: u32 = 7;

/// Which pull requests a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A campaign's, after this one.
    Campaign(CampaignId, Option<ChangesetId>),
    /// Those that are due.
    Due,
}

/// One page of changesets, each with what became of reading it.
#[derive(Debug)]
pub(crate) struct Page {
    /// Of which.
    pub(crate) of: Of,
    /// What was read, in order.
    pub(crate) read: Vec<Fresh>,
    /// What is due without being read: merged, with a branch to be seen to.
    pub(crate) branches: Vec<Changeset>,
    /// Whether there are more after them.
    pub(crate) more: bool,
    /// Those whose code owners have room now.
    pub(crate) awaited: Vec<ChangesetId>,
    /// Why nothing is read from this organisation for now. After a limit, the page ends before what was not read;
    /// otherwise everything that could not be is among what was.
    pub(crate) halted: Option<CodeHostError>,
}

/// A changeset with a fresh read.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) id: ChangesetId,
    /// The changeset as it was when the read began.
    pub(crate) version: i64,
    /// How long it had not changed then.
    pub(crate) quiet: Duration,
    pub(crate) name: String,
    pub(crate) looked: Result<Look, CodeHostError>,
    /// The head, where it is not on record and ours all the same.
    pub(crate) adopted: Option<Adopted>,
    /// What its base calls for.
    pub(crate) based: Based,
    /// Where its repository is, where it waits for that or may have another owner.
    pub(crate) repository: Option<Result<RepositoryName, Away>>,
}

/// What a look at a pull request showed.
#[derive(Debug)]
pub(crate) enum Look {
    /// All of it.
    Whole(Box<Reading>),
    /// Its state alone.
    State(Box<PullRequest>),
    /// It is not there any more, for this reason.
    Lost(String),
    /// There is none yet: only its repository was looked at.
    None,
}

/// Reads the next page.
pub(crate) async fn page(scope: Scope, organization: String, of: Of) -> Result<Page, StoreError> {
    let limit = scope.world.settings.followed_page.max(1);
    let store = &scope.world.ports.store;
    let followed = match of {
        Of::Campaign(campaign, after) => store.followed(campaign, &organization, after, limit).await?,
        Of::Due => store.due(&organization, limit).await?,
    };
    let full = followed.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let (merged, followed): (Vec<_>, Vec<_>) =
        followed.into_iter().partition(|each| each.changeset.errand.branch);
    let branches = merged.into_iter().map(|each| each.changeset).collect();
    let asked = followed.len();
    let waits = |each: &Followed| each.changeset.shown.owners.as_ref().is_some_and(OwnersAsked::waits);
    let known = if followed.iter().any(waits) { followed.clone() } else { vec![] };
    let (read, halted) = read(&scope, &organization, followed).await?;
    let awaited = awaited(&**store, &known, &read).await?;
    Ok(Page { of, more: full || read.len() < asked, awaited, read, branches, halted })
}

/// Which of these wait for code owners who have room now, what was just read taken into account.
async fn awaited(
    store: &dyn Store,
    known: &[Followed],
    read: &[Fresh],
) -> Result<Vec<ChangesetId>, StoreError> {
    let mut campaigns: BTreeMap<CampaignId, Vec<&Changeset>> = BTreeMap::new();
    for Followed { changeset, .. } in known {
        campaigns.entry(changeset.campaign).or_default().push(changeset);
    }
    let fresh: HashMap<ChangesetId, &Fresh> = read.iter().map(|fresh| (fresh.id, fresh)).collect();
    let mut found = vec![];
    for (campaign, changesets) in campaigns {
        let mut open = store.open_reviews(campaign).await?;
        for changeset in &changesets {
            if let Some(now) = fresh.get(&changeset.id).and_then(|fresh| requested(fresh)) {
                reviewers::freed(changeset, now, &mut open);
            }
        }
        found.extend(reviewers::awaited(changesets.into_iter(), &open));
    }
    Ok(found)
}

/// Who is asked for a review as a look showed it; none where it did not tell.
fn requested(fresh: &Fresh) -> Option<&[String]> {
    match fresh.looked.as_ref().ok()? {
        Look::Whole(reading) if reading.pull_request.state == PullRequestState::Open => {
            Some(&reading.requested)
        }
        Look::Whole(_) => Some(&[]),
        Look::State(seen) => (seen.state != PullRequestState::Open).then_some(&[]),
        Look::Lost(_) | Look::None => None,
    }
}

/// Reads all of these, or those before the one at which nothing more may be read.
async fn read(
    scope: &Scope,
    organization: &str,
    followed: Vec<Followed>,
) -> Result<(Vec<Fresh>, Option<CodeHostError>), StoreError> {
    let (host, budget) = (&*scope.world.ports.code_host, scope.world.reads_of(organization));
    let (unopened, followed): (Vec<_>, Vec<_>) =
        followed.into_iter().partition(|each| each.changeset.pull_request.is_none());
    let mut batches: Vec<Vec<Followed>> = vec![];
    let mut all = followed.into_iter().peekable();
    while all.peek().is_some() {
        batches.push(all.by_ref().take(MOST_READ_AT_ONCE).collect());
    }
    batches.reverse();
    let mut done = Vec::with_capacity(unopened.len());
    for each in &unopened {
        let looked = at_repository(host, &budget, each).await;
        if let Err(CodeHostError::Limited { wait, reason }) = &looked.looked {
            budget.quiet_for(*wait, reason);
            return Ok((done, looked.looked.err()));
        }
        done.push(looked);
    }
    let mut unanswered = 0;
    while let Some(batch) = batches.pop() {
        if scope.is_draining() {
            return Ok((done, None));
        }
        let nodes: Vec<String> = batch.iter().filter_map(node).collect();
        let failed = |error: &CodeHostError| -> Vec<Fresh> {
            batch.iter().map(|each| fresh(each, Err(error.clone()))).collect()
        };
        if nodes.len() < batch.len() {
            // The store hands out none without a pull request.
            done.extend(failed(&CodeHostError::NotFound("a pull request".to_owned())));
            continue;
        }
        match host.read_pull_requests(organization, &nodes, &budget).await {
            Ok(answers) => {
                unanswered = 0;
                for (each, answer) in batch.iter().zip(answers) {
                    let mut at = None;
                    let looked = match answer {
                        Ok(reading) => Ok(Look::Whole(Box::new(reading))),
                        Err(CodeHostError::NotFound(_)) => {
                            look_for(host, &each.changeset, &budget, &mut at).await
                        }
                        Err(error) => Err(error),
                    };
                    done.push(closely(scope, &budget, each, looked, at).await?);
                }
            }
            Err(error @ CodeHostError::Limited { .. }) => {
                if let CodeHostError::Limited { wait, reason } = &error {
                    budget.quiet_for(*wait, reason);
                }
                return Ok((done, Some(error)));
            }
            Err(error @ CodeHostError::Unauthorized(_)) => return Ok(given_up(done, batch, batches, error)),
            Err(
                error @ (CodeHostError::Unavailable(_)
                | CodeHostError::Unknown(_)
                | CodeHostError::Inconclusive(_)),
            ) => {
                unanswered += 1;
                metrics::counter!("campaigns_reads_unanswered_total").increment(1);
                if unanswered >= UNANSWERED {
                    return Ok(given_up(done, batch, batches, error));
                }
                if batch.len() == 1 {
                    done.extend(failed(&error));
                } else {
                    let mut first = batch;
                    let second = first.split_off(first.len() / 2);
                    batches.push(second);
                    batches.push(first);
                }
            }
            Err(error) => done.extend(failed(&error)),
        }
    }
    Ok((done, None))
}

/// A look at a pull request, with a closer one at a head that is not on record.
async fn closely(
    scope: &Scope,
    budget: &ReadBudget,
    followed: &Followed,
    looked: Result<Look, CodeHostError>,
    at: Option<RepositoryName>,
) -> Result<Fresh, StoreError> {
    let changeset = &followed.changeset;
    let seen = match &looked {
        Ok(Look::Whole(reading)) => &reading.pull_request,
        Ok(Look::State(seen)) => seen,
        Ok(Look::Lost(_) | Look::None) | Err(_) => return Ok(fresh(followed, looked)),
    };
    let off_record = is_off_record(changeset, seen);
    let based = match &looked {
        Ok(Look::Whole(reading)) if !off_record => moved::look(scope, budget, changeset, reading).await?,
        _ => Based::default(),
    };
    // One that another owner has by now is looked for: it can be written to there, or not.
    let strange = matches!(&looked, Ok(Look::Whole(reading)) if !changeset.is_of(reading.repository.owner()));
    let found = match at {
        Some(name) if changeset.away.is_none() => Ok(Some(Ok(name))),
        _ if changeset.away.is_some() || strange => {
            whereabouts::back(&*scope.world.ports.code_host, changeset, budget).await.map(Some)
        }
        _ => Ok(None),
    };
    let found = match found {
        Ok(found) => Fresh { repository: found, based, ..fresh(followed, looked) },
        Err(error) => return Ok(fresh(followed, Err(error))),
    };
    if !off_record {
        return Ok(found);
    }
    let trusted = closer::trusted(&scope.world, changeset).await?;
    let host = &*scope.world.ports.code_host;
    let repository = RepositoryRef { id: changeset.repository_id, name: changeset.repository.clone() };
    let closer = async {
        match host.branch(&repository, &changeset.head_branch, budget).await? {
            Some(head) => closer::look(host, budget, changeset, &head, &trusted).await,
            None => Ok(None),
        }
    };
    Ok(match closer.await {
        Ok(adopted) => Fresh { adopted, ..found },
        Err(error) => fresh(followed, Err(error)),
    })
}

/// A look at the repository of a changeset that waits for it and has no pull request.
async fn at_repository(host: &dyn CodeHost, budget: &ReadBudget, followed: &Followed) -> Fresh {
    match whereabouts::back(host, &followed.changeset, budget).await {
        Ok(repository) => Fresh { repository: Some(repository), ..fresh(followed, Ok(Look::None)) },
        Err(error) => fresh(followed, Err(error)),
    }
}

/// Nothing of what is left can be read now.
fn given_up(
    mut done: Vec<Fresh>,
    batch: Vec<Followed>,
    batches: Vec<Vec<Followed>>,
    error: CodeHostError,
) -> (Vec<Fresh>, Option<CodeHostError>) {
    let left = std::iter::once(batch).chain(batches.into_iter().rev()).flatten();
    done.extend(left.map(|each| fresh(&each, Err(error.clone()))));
    (done, Some(error))
}

fn node(followed: &Followed) -> Option<String> {
    followed.changeset.pull_request.as_ref().map(|reference| reference.node_id.clone())
}

fn fresh(followed: &Followed, looked: Result<Look, CodeHostError>) -> Fresh {
    let Followed { changeset, quiet } = followed;
    Fresh {
        id: changeset.id,
        version: changeset.version,
        quiet: *quiet,
        name: changeset.repository.to_string(),
        looked,
        adopted: None,
        based: Based::default(),
        repository: None,
    }
}

/// Looks for a pull request that is not found by its node id: under its repository, wherever that is by now, and for
/// the repository itself; `at` is where that was found.
async fn look_for(
    host: &dyn CodeHost,
    changeset: &Changeset,
    budget: &ReadBudget,
    at: &mut Option<RepositoryName>,
) -> Result<Look, CodeHostError> {
    let Some(reference) = &changeset.pull_request else {
        return Err(CodeHostError::NotFound(format!("a pull request of {}", changeset.repository)));
    };
    let name = &changeset.repository;
    let repository = RepositoryRef { id: changeset.repository_id, name: name.clone() };
    // Once more after its repository was found: under the name that it has by now.
    loop {
        match host.pull_request(&repository, reference.number, budget).await {
            Ok(seen) => return Ok(Look::State(Box::new(seen))),
            Err(CodeHostError::NotFound(_) | CodeHostError::Refused(_) | CodeHostError::Away(_)) => {}
            Err(error) => return Err(error),
        }
        if let Some(name) = at {
            return Ok(Look::Lost(format!("pull request {} of {name} is gone", reference.number)));
        }
        *at = match host.whereabouts(&repository, budget).await {
            Ok(name) => Some(name),
            Err(CodeHostError::Away(away)) => return Ok(Look::Lost(away.reason)),
            Err(error) => return Err(error),
        };
    }
}
