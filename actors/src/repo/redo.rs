//! The word of a target that was carried out again on the base as it is now: to its changeset, whatever came of it.
//!
//! Deliberately absent: what the changeset makes of it (`campaigns_domain::changeset`).

use crate::{
    ports::{Message, MessageBody, Recipient, StoreError},
    scope::Scope,
};
use campaigns_domain::{
    changeset::{Place, Proposal},
    execution::target::{Target, TargetState},
    id::MessageId,
    publish::place,
};

/// The place of the changeset that a target is carried out again for; none where its run does something else.
pub(super) async fn of(scope: &Scope, target: &Target) -> Result<Option<Place>, StoreError> {
    let plan = scope.world.plan(target.run).await?;
    Ok(if plan.options.rebase { place(&plan.spec, target) } else { None })
}

/// What is told to the changeset when an attempt has ended for good; none where it has not.
pub(super) fn told(place: &Place, target: &Target, proposal: Option<&Proposal>) -> Option<Message> {
    let base = target.base.0.get(..12).unwrap_or(&target.base.0);
    let (content, reason) = match target.state {
        TargetState::Changed => (proposal.cloned().map(Box::new), String::new()),
        TargetState::Unchanged => (
            None,
            format!(
                "carried out again on the base as it is now ({base}), the steps change nothing: the base has it \
                 already, and the pull request may be closed"
            ),
        ),
        TargetState::Failed => (
            None,
            format!(
                "carrying it out again on the base as it is now ({base}) failed: {}",
                target.reason.lines().next().unwrap_or_default()
            ),
        ),
        _ => return None,
    };
    Some(Message {
        id: MessageId::of(target.id.0, "redone", target.attempt),
        to: Recipient::Organization(place.repository.owner().to_owned()),
        body: MessageBody::Redone { changeset: place.changeset(), run: target.run, content, reason },
    })
}
