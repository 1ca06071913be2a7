//! Conditional requests: an `ETag` on every 200 to a GET, `Last-Modified` where there is one, and 304 for a
//! caller that has it already. The tag depends on the token, as GitHub's reportedly does.

use crate::clock::{http_date, parse_http_date};
use crate::rest::Incoming;
use crate::rest::call::{Payload, Reply};
use sha2::{Digest, Sha256};

/// Tags the answer and turns it into a 304 if the caller has it; true when it did.
pub fn apply(reply: &mut Reply, incoming: &Incoming, seal: &str) -> bool {
    let mut hash = Sha256::new();
    hash.update(seal.as_bytes());
    hash.update([0]);
    match &reply.body {
        Payload::Empty => {}
        Payload::Json(value) => hash.update(value.to_string().as_bytes()),
        Payload::Raw(kind, bytes) => {
            hash.update(kind.as_bytes());
            hash.update(bytes);
        }
    }
    let tag = format!("W/\"{}\"", hex::encode(hash.finalize()));
    let known = match incoming.header("if-none-match") {
        // RFC 9110: If-Modified-Since counts only without If-None-Match.
        Some(tags) => tags.split(',').any(|known| {
            let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
            known.trim() == "*" || bare(known) == bare(&tag)
        }),
        None => incoming
            .header("if-modified-since")
            .and_then(parse_http_date)
            .zip(reply.last_modified)
            .is_some_and(|(known, modified)| modified.timestamp() <= known.timestamp()),
    };
    reply.headers.push(("etag", tag));
    if let Some(at) = reply.last_modified {
        reply.headers.push(("last-modified", http_date(at)));
    }
    if known {
        reply.status = 304;
        reply.body = Payload::Empty;
    }
    known
}
