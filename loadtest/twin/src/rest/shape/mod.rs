//! The JSON of GitHub's answers, one function per schema of its OpenAPI description, filling every required
//! field. Pure: from records to values. A field the twin has no truth for is omitted where optional and null
//! or empty where required.

pub mod apps;
pub mod git;
pub mod pulls;
pub mod repos;
pub mod rules;
pub mod users;
pub mod verdicts;
pub mod workflows;

use base64::Engine;

/// A node id in the manner of GitHub's: a kind and the number, opaque to clients.
pub fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.to_be_bytes()))
}

/// The kind and the number behind a node id; `None` for what this world never gave out.
pub fn read_node_id(text: &str) -> Option<(&str, u64)> {
    let (kind, rest) = text.split_once('_')?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(rest).ok()?;
    Some((kind, u64::from_be_bytes(bytes.try_into().ok()?)))
}
