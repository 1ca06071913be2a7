//! Changesets that are another organisation's, since their repositories were transferred there: its owner is told that they
//! have come, what is still sent here for them is passed on, and nothing of them is kept.
//!
//! Deliberately absent: finding out (`perform::whereabouts`), and what it means for a changeset (its machine).

use super::LimiterState;
use crate::ports::{Message, MessageBody, Recipient};
use campaigns_domain::{
    changeset::Changeset,
    id::{ChangesetId, MessageId, RunId},
};
use std::collections::HashMap;

/// Whose the changesets are that are not this organisation's.
pub(super) type Elsewhere = HashMap<ChangesetId, String>;

/// What is passed on of a message about a changeset that is elsewhere, in the part of which run; none where it is here.
pub(super) fn passed_on(elsewhere: &Elsewhere, message: &Message) -> Option<(RunId, Message)> {
    let (changeset, run) = match &message.body {
        MessageBody::Proposed { place, proposal } => (place.changeset(), proposal.run),
        MessageBody::Ask { changeset, run, .. }
        | MessageBody::Released { changeset, run }
        | MessageBody::Arrived { changeset, run }
        | MessageBody::Redone { changeset, run, .. } => (*changeset, *run),
        _ => return None,
    };
    let owner = elsewhere.get(&changeset)?;
    let id = MessageId::of(message.id.0, "passed on", 1);
    let to = Recipient::Organization(owner.clone());
    Some((run, Message { id, to, body: message.body.clone() }))
}

/// The word to the organisation that has a changeset from now on.
pub(super) fn arrived(changeset: &Changeset) -> Message {
    let version = u32::try_from(changeset.version).unwrap_or(u32::MAX);
    Message {
        id: MessageId::of(changeset.id.0, "arrived", version),
        to: Recipient::Organization(changeset.repository.owner().to_owned()),
        body: MessageBody::Arrived { changeset: changeset.id, run: changeset.wanted.run },
    }
}

impl LimiterState {
    /// Takes in rows that were read; those of other organisations are not kept.
    pub(super) fn take_in(&mut self, rows: impl Iterator<Item = Changeset>) {
        for row in rows {
            if row.is_of(&self.organization) {
                self.rows.insert(row.id, row);
            } else {
                self.elsewhere.insert(row.id, row.repository.owner().to_owned());
            }
        }
    }

    /// Lets go of what went elsewhere in this turn.
    pub(super) fn let_go(&mut self) {
        let Self { rows, put_off, organization, elsewhere, .. } = self;
        rows.retain(|id, row| {
            let here = row.is_of(organization);
            if !here {
                put_off.remove(id);
            }
            here
        });
        elsewhere.clear();
    }
}
