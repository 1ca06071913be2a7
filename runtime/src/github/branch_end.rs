//! Deleting a branch where it is at the commit that it is believed to be at, and nowhere else.
//!
//! REST's deletion compares nothing. GraphQL's `updateRefs` does, in the same moment: by its description `beforeOid` is
//! what the ref has to point to, and an `afterOid` of zeros deletes it. Deliberately absent: deciding that a branch may
//! go.

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route, parse},
    graphql::limit,
    paid::Paid,
    shape::graphql::Failure,
    token::Scope,
    wire::JSON,
};
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, Permit, RepositoryRef};
use campaigns_domain::id::CommitSha;
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// The mutation that deletes a branch.
pub const DELETE_BRANCH: &str = "mutation DeleteBranch($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId }
}";

/// The object id that stands for no object.
const NOTHING: &str = "0000000000000000000000000000000000000000";

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Failure>,
}

impl GitHub {
    pub(super) async fn drop_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        at: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        if permit.has_expired() {
            return Err(CodeHostError::PermitExpired);
        }
        // By its own id the name leads to no other repository, whoever has taken it over.
        let (name, node) = self.identify(repository, Paid::Permit(&permit)).await?;
        let update = json!({"name": format!("refs/heads/{branch}"), "beforeOid": at.0, "afterOid": NOTHING});
        let input = json!({"repositoryId": node, "refUpdates": [update]});
        let body = json!({"query": DELETE_BRANCH, "variables": {"input": input}}).to_string();
        let about = About {
            subject: format!("the branch `{branch}` of {name}"),
            doing: format!("deleting the branch `{branch}` of {name}"),
            write: true,
            app: self.tokens.is_app(),
        };
        let raw = self
            .ask(Ask {
                operation: "graphql/delete-branch",
                method: Method::POST,
                route: Route::Graphql,
                accept: JSON,
                body: Some(Bytes::from(body)),
                scope: Scope::Repository {
                    owner: name.owner().to_ascii_lowercase(),
                    id: repository.id.0,
                    workflows: false,
                },
                about: about.clone(),
                paid: Paid::Permit(&permit),
                understood: &[],
            })
            .await?;
        let answer: Answer = parse(&about, &raw)?;
        match answer.errors.first() {
            None => Ok(()),
            Some(failure) => Err(match (limit(&raw, failure), failure.kind.as_str()) {
                (Some(limited), _) => limited,
                (None, "NOT_FOUND") => CodeHostError::NotFound(about.subject),
                (None, "FORBIDDEN") => {
                    let words = super::redact(&failure.message);
                    CodeHostError::Refused(format!("GitHub refused {}: {words}", about.doing))
                }
                // GitHub does not document what it says where the ref has moved.
                (None, _) => {
                    let words = super::redact(&failure.message);
                    CodeHostError::Conflict(format!("{}: {words}", about.doing))
                }
            }),
        }
    }
}
