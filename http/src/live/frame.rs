//! Events as bytes of a stream: `id`, `event` and `data` lines, each event serialised once.
//!
//! Deliberately absent: who gets them.

use super::encode;
use crate::{
    ports::{EventRow, Positions},
    wire::{Event, EventData, RunEnded},
};
use bytes::Bytes;
use campaigns_domain::id::RunId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// A comment that keeps proxies from closing a quiet stream.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// [`EventData`] without parsing the stored JSON again.
#[derive(Serialize)]
struct Borrowed<'a> {
    at: DateTime<Utc>,
    subject: &'a str,
    subject_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    kind: &'a str,
    data: &'a RawValue,
}

/// The frames of these events; `positions` moves on behind them.
pub(super) fn frames(run: RunId, rows: &[EventRow], positions: &mut Positions) -> Bytes {
    let mut bytes = Vec::with_capacity(rows.len() * 320);
    for row in rows {
        positions.set(row.shard, row.sequence);
        let data = Borrowed {
            at: row.at,
            subject: &row.subject,
            subject_id: row.subject_id,
            repository: row.repository.as_deref(),
            kind: &row.kind,
            data: &row.data,
        };
        bytes.extend_from_slice(b"id: ");
        bytes.extend_from_slice(encode(run, positions).as_bytes());
        bytes.extend_from_slice(b"\nevent: ");
        bytes.extend(row.kind.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        bytes.extend_from_slice(b"\ndata: ");
        // All of it is JSON already, and a line break inside JSON is always escaped or blank.
        let json = serde_json::to_vec(&data).unwrap_or_default();
        bytes.extend(json.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
        bytes.extend_from_slice(b"\n\n");
    }
    Bytes::from(bytes)
}

/// The last frame.
pub(super) fn end(run: RunId, positions: &Positions, ended: &RunEnded) -> Bytes {
    let json = serde_json::to_string(ended).unwrap_or_default();
    Bytes::from(format!("id: {}\nevent: end\ndata: {json}\n\n", encode(run, positions)))
}

/// The event as an item of a page; `positions` moves on behind it.
pub(crate) fn wire_event(run: RunId, row: EventRow, positions: &mut Positions) -> Event {
    positions.set(row.shard, row.sequence);
    Event {
        id: encode(run, positions),
        data: EventData {
            at: row.at,
            subject: row.subject,
            subject_id: row.subject_id,
            repository: row.repository,
            kind: row.kind,
            data: serde_json::from_str(row.data.get()).unwrap_or_default(),
        },
    }
}
