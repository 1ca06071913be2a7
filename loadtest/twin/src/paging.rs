//! Pages: `per_page` (30, at most 100) and `page`, and the `Link` header that leads from one to the next.
//! Cursor paging is not here: none of the operations served uses it.

use crate::rest::call::Call;
use std::fmt::Write;

/// One page of a listing and its `Link` header.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: usize,
    /// The header, when there is more than this page.
    pub link: Option<String>,
}

/// Which page the query asks for: (number from 1, size).
pub fn asked(call: &Call<'_>, default: usize) -> (usize, usize) {
    let number = |name| call.query(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("per_page").filter(|size| *size > 0).unwrap_or(default).min(100);
    (number("page").filter(|page| *page > 0).unwrap_or(1), size)
}

/// Cuts the page that the query asks for.
pub fn cut<T>(call: &Call<'_>, all: Vec<T>) -> Page<T> {
    cut_by(call, all, 30)
}

/// Cuts the page that the query asks for, with another default size.
pub fn cut_by<T>(call: &Call<'_>, all: Vec<T>, default: usize) -> Page<T> {
    let (page, size) = asked(call, default);
    let total = all.len();
    let last = total.div_ceil(size).max(1);
    let items = all.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    Page { items, total, link: link(call, page, last) }
}

fn link(call: &Call<'_>, page: usize, last: usize) -> Option<String> {
    let mut wanted = Vec::new();
    if page > 1 {
        wanted.push(("prev", page.min(last + 1) - 1));
    }
    if page < last {
        wanted.extend([("next", page + 1), ("last", last)]);
    }
    if page > 1 {
        wanted.push(("first", 1));
    }
    if wanted.is_empty() {
        return None;
    }
    let path = call.permanent_path();
    let kept: String = call
        .query_pairs()
        .iter()
        .filter(|(name, _)| name != "page")
        .map(|(name, value)| format!("{}={}&", encode(name), encode(value)))
        .collect();
    let mut header = String::new();
    for (index, (rel, page)) in wanted.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(header, "{comma}<{path}?{kept}page={page}>; rel=\"{rel}\"");
    }
    Some(header)
}

/// Encodes a query or path value, slashes included.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
