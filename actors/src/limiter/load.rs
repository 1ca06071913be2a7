//! Reading the rows that a turn needs and that are not held.
//!
//! Deliberately absent: what is scheduled, which is read page by page (`scheduled`).

use super::{Input, LimiterState, follow};
use crate::{
    ports::{Effect, Message, MessageBody, Subject},
    scope::Setback,
};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;

/// Reads the rows that the inputs speak of and that are not here.
pub(super) async fn load(state: &mut LimiterState, inputs: &[Input]) -> Result<(), Setback> {
    let mut missing = BTreeSet::new();
    for input in inputs {
        match input {
            Input::Message(Message { body: MessageBody::Proposed { place, .. }, .. }) => {
                missing.insert(place.changeset());
            }
            Input::Message(Message {
                body:
                    MessageBody::Ask { changeset, .. }
                    | MessageBody::Released { changeset, .. }
                    | MessageBody::Arrived { changeset, .. }
                    | MessageBody::Redone { changeset, .. },
                ..
            }) => {
                missing.insert(*changeset);
            }
            Input::Resumed(Effect { subject: Subject::Changeset(id), .. }) | Input::Sent(id, ..) => {
                missing.insert(*id);
            }
            Input::Read(page) => {
                missing.extend(page.read.iter().map(|fresh| fresh.id));
                missing.extend(page.branches.iter().map(|changeset| changeset.id));
            }
            Input::Tidied(outcomes) => missing.extend(outcomes.iter().map(|(id, _)| *id)),
            Input::Message(_) | Input::Resumed(_) => {}
        }
    }
    missing.retain(|id| !state.rows.contains_key(id));
    let store = &state.scope.world.ports.store;
    let rows: Vec<_> = stream::iter(missing)
        .map(|id| store.changeset(id))
        .buffer_unordered(state.scope.world.settings.reads_at_once.max(1))
        .try_collect()
        .await?;
    state.take_in(rows.into_iter().flatten());
    let store = &state.scope.world.ports.store;
    for repository in follow::hints(inputs) {
        for row in store.followed_in(&state.organization, repository).await? {
            state.rows.entry(row.id).or_insert(row);
        }
    }
    Ok(())
}
