//! Web pages: the organisation's repositories and open pull requests, and one page per pull request with title,
//! body and coloured diff. On loopback that page is also the maintainer's desk: its Merge and Close buttons act
//! as the maintainer without signing in, guarded by a form token and the Origin header. Self-contained HTML, no
//! scripts; bodies are shown as text, not rendered Markdown.

use crate::people::Maintainer;
use crate::rest::pulls::{patches, unified};
use crate::serve::Server;
use crate::world::World;
use crate::world::model::Pull;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

const STYLE: &str = include_str!("pages.css");

/// Serves a page, or carries out a form.
pub async fn serve(server: &Arc<Server>, peer: SocketAddr, request: Request) -> Response<Body> {
    let host = crate::serve::host_of(&request);
    let (parts, body) = request.into_parts();
    let origin = parts.headers.get("origin").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let same_origin = origin.is_none_or(|origin| origin == format!("http://{host}"));
    let form = axum::body::to_bytes(body, 1 << 16).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let world = Arc::clone(&server.world);
    let may_act = peer.ip().is_loopback() && same_origin;
    let work = move || {
        let names: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (&parts.method, &names[..]) {
            (&Method::GET | &Method::HEAD, [""]) => organization(&world, &login(&world)),
            (&Method::GET | &Method::HEAD, [owner]) => organization(&world, owner),
            (&Method::GET | &Method::HEAD, [owner, name]) => repository(&world, owner, name),
            (&Method::GET | &Method::HEAD, [owner, name, "pull", number]) => {
                page(&world, owner, name, number)
            }
            (&Method::POST, [owner, name, "pull", number, verb]) if may_act => {
                act(&world, owner, name, number, verb, &form)
            }
            _ => None,
        }
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Some(response)) => response,
        Ok(None) => html(StatusCode::NOT_FOUND, "Not found", "<p>There is no such page.</p>"),
        Err(_) => html(StatusCode::INTERNAL_SERVER_ERROR, "Error", "<p>The page could not be made.</p>"),
    }
}

fn login(world: &World) -> String {
    world.read(|state| state.org().map(|org| org.login.clone()).unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn html(status: StatusCode, title: &str, body: &str) -> Response<Body> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        escape(title)
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        "content-security-policy",
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
    );
    response
}

fn badge(pull: &Pull) -> (&'static str, &'static str) {
    match (&pull.merge, pull.is_open(), pull.draft) {
        (Some(_), ..) => ("merged", "Merged"),
        (None, true, true) => ("draft", "Draft"),
        (None, true, false) => ("open", "Open"),
        (None, false, _) => ("closed", "Closed"),
    }
}

fn organization(world: &World, owner: &str) -> Option<Response<Body>> {
    let body = world.read(|state| {
        let org = state.org().filter(|org| org.login.eq_ignore_ascii_case(owner))?;
        let mut rows = String::new();
        let mut open = String::new();
        let mut count = 0;
        let mut found: Vec<_> = state.repositories.values().collect();
        found.sort_by_key(|repository| repository.record.name.to_lowercase());
        for repository in &found {
            let name = escape(&repository.record.name);
            let about = escape(repository.record.description.as_deref().unwrap_or(""));
            let pulls: Vec<&Pull> = repository.pulls.values().filter(|pull| pull.is_open()).collect();
            let _ = write!(
                rows,
                "<li><a href=\"/{}/{name}\">{name}</a><span class=\"about\">{about}</span></li>",
                escape(&org.login)
            );
            for pull in pulls {
                count += 1;
                open.push_str(&row(&org.login, &repository.record.name, pull));
            }
        }
        Some(format!(
            "<h1>{}</h1><h2>Open pull requests <span class=\"count\">{count}</span></h2><ul class=\"list\">{open}</ul>\
             <h2>Repositories <span class=\"count\">{}</span></h2><ul class=\"list\">{rows}</ul>",
            escape(&org.login),
            found.len()
        ))
    })?;
    Some(html(StatusCode::OK, owner, &body))
}

fn row(owner: &str, name: &str, pull: &Pull) -> String {
    let (class, word) = badge(pull);
    let (owner, name) = (escape(owner), escape(name));
    format!(
        "<li><span class=\"badge {class}\">{word}</span><a href=\"/{owner}/{name}/pull/{}\">{}</a>\
         <span class=\"about\">{name} #{}</span></li>",
        pull.number,
        escape(&pull.title),
        pull.number
    )
}

fn repository(world: &World, owner: &str, name: &str) -> Option<Response<Body>> {
    use crate::world::state::Found;
    let body = world.read(|state| {
        let (Found::Here(found) | Found::Moved(found)) = state.repository(owner, name)?;
        let rows: String = found.pulls.values().rev().map(|pull| row(owner, &found.record.name, pull)).collect();
        let none = "<li class=\"about\">There are no pull requests.</li>";
        Some(format!(
            "<h1><a href=\"/{0}\">{0}</a> / {1}</h1><p class=\"about\">{2}</p><h2>Pull requests</h2><ul class=\"list\">{3}</ul>",
            escape(owner),
            escape(&found.record.name),
            escape(found.record.description.as_deref().unwrap_or("")),
            if rows.is_empty() { none } else { &rows }
        ))
    })?;
    Some(html(StatusCode::OK, name, &body))
}

fn find(world: &World, owner: &str, name: &str, number: u64) -> Option<(u64, String, Pull, String)> {
    use crate::world::state::Found;
    world.read(|state| {
        let (Found::Here(found) | Found::Moved(found)) = state.repository(owner, name)?;
        let pull = found.pulls.get(&number)?.clone();
        let author =
            state.accounts.get(&pull.author).map(|account| account.login.clone()).unwrap_or_default();
        Some((found.record.id, found.record.name.clone(), pull, author))
    })
}

fn form_token(world: &World, id: u64, number: u64) -> String {
    world.secrets.sign("form", format!("{id}/{number}").as_bytes())
}

fn page(world: &World, owner: &str, name: &str, number: &str) -> Option<Response<Body>> {
    let (bare, flavour) = match number.rsplit_once('.') {
        Some((bare, flavour @ ("diff" | "patch"))) => (bare, Some(flavour)),
        _ => (number, None),
    };
    let number: u64 = bare.parse().ok()?;
    let (id, name, pull, author) = find(world, owner, name, number)?;
    let git = world.git.open(id).ok()?;
    if let Some(flavour) = flavour {
        let text = if flavour == "diff" { unified(&git, &pull) } else { patches(&git, &pull) }.ok()?;
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
        return Some(response);
    }
    let diff = unified(&git, &pull).ok()?;
    let (class, word) = badge(&pull);
    let (owner, name) = (escape(owner), escape(&name));
    let mut body = format!(
        "<p class=\"crumbs\"><a href=\"/{owner}\">{owner}</a> / <a href=\"/{owner}/{name}\">{name}</a></p>\
         <h1>{} <span class=\"number\">#{number}</span></h1>\
         <p><span class=\"badge {class}\">{word}</span><b>{}</b> wants to merge <code>{}</code> into <code>{}</code></p>",
        escape(&pull.title),
        escape(&author),
        escape(&pull.head),
        escape(&pull.base)
    );
    for label in &pull.labels {
        let _ = write!(body, "<span class=\"label\">{}</span>", escape(label));
    }
    let text = pull.body.as_deref().filter(|text| !text.is_empty()).unwrap_or("No description.");
    let _ = write!(body, "<section class=\"body\">{}</section>", escape(without_comments(text).trim()));
    if pull.is_open() {
        let token = form_token(world, id, number);
        for (verb, label) in [("merge", "Merge pull request"), ("close", "Close")] {
            let _ = write!(
                body,
                "<form method=\"post\" action=\"/{owner}/{name}/pull/{number}/{verb}\"><input type=\"hidden\" \
                 name=\"token\" value=\"{token}\"><button class=\"{verb}\">{label}</button></form>"
            );
        }
    }
    body.push_str("<h2>Files changed</h2>");
    body.push_str(&coloured(&String::from_utf8_lossy(&diff)));
    Some(html(StatusCode::OK, &pull.title, &body))
}

/// The text without its HTML comments, which GitHub does not show either.
fn without_comments(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("<!--") {
        shown.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    shown + rest
}

/// Above this the page shows the beginning of a diff only; `.diff` has all of it.
const LONGEST_DIFF: usize = 20_000;

fn coloured(diff: &str) -> String {
    let mut out = String::new();
    let mut open = false;
    let mut in_hunk = false;
    for (number, line) in diff.lines().enumerate() {
        if number >= LONGEST_DIFF {
            out.push_str("<span class=\"meta\">… the rest is at this page's address with .diff</span>");
            break;
        }
        if let Some(names) = line.strip_prefix("diff --git ") {
            if open {
                out.push_str("</pre></details>");
            }
            let name = names.rsplit_once(" b/").map_or(names, |(_, name)| name);
            let _ = write!(out, "<details open><summary>{}</summary><pre>", escape(name));
            (open, in_hunk) = (true, false);
            continue;
        }
        in_hunk |= line.starts_with("@@");
        let class = match line.as_bytes().first() {
            _ if !in_hunk => "meta",
            Some(b'+') => "plus",
            Some(b'-') => "minus",
            Some(b'@') => "hunk",
            _ => "same",
        };
        let _ = writeln!(out, "<span class=\"{class}\">{}</span>", escape(line));
    }
    if open {
        out.push_str("</pre></details>");
    }
    out
}

fn act(
    world: &World,
    owner: &str,
    name: &str,
    number: &str,
    verb: &str,
    form: &[u8],
) -> Option<Response<Body>> {
    let number: u64 = number.parse().ok()?;
    let (id, name, ..) = find(world, owner, name, number)?;
    let form = String::from_utf8_lossy(form).into_owned();
    let token = crate::rest::pairs(Some(&form)).into_iter().find(|(field, _)| field == "token");
    if token
        .is_none_or(|(_, token)| !world.secrets.verify("form", format!("{id}/{number}").as_bytes(), &token))
    {
        return Some(html(
            StatusCode::FORBIDDEN,
            "Refused",
            "<p>Open the pull request's page and try again.</p>",
        ));
    }
    let person = Maintainer::of(world);
    let done = match verb {
        "merge" => person.merge(&name, number).map(|_| ()),
        "close" => person.close(&name, number),
        _ => return None,
    };
    if let Err(refused) = done {
        let why = format!("<p>{}</p>", escape(&refused.to_string()));
        return Some(html(StatusCode::CONFLICT, "Refused", &why));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let back = HeaderValue::from_str(&format!("/{owner}/{name}/pull/{number}")).ok()?;
    response.headers_mut().insert("location", back);
    Some(response)
}
