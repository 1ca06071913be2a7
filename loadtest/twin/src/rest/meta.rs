//! What the API says of itself: the root, `/meta`, `/versions`, `/rate_limit`.

use super::call::{Call, Outcome, Reply};
use crate::limits::{Budget, graphql_subject};
use serde_json::{Value, json};

/// The API versions that may be asked for; the first is the default.
pub const VERSIONS: [&str; 1] = ["2022-11-28"];

/// A version that GitHub has and the twin has not: its shapes differ, and are not made up here.
pub const ABSENT_VERSION: &str = "2026-03-10";

/// `GET /`
pub fn root(call: &Call<'_>) -> Outcome {
    let api = &call.urls.api;
    let mut fields = serde_json::Map::new();
    for (name, path) in ROOT {
        fields.insert((*name).to_owned(), json!(format!("{api}{path}")));
    }
    let settings = format!("{}/settings/connections/applications{{/client_id}}", call.urls.web);
    fields.insert("current_user_authorizations_html_url".into(), json!(settings));
    Ok(Reply::ok(Value::Object(fields)))
}

/// `GET /meta`
pub fn meta(_: &Call<'_>) -> Outcome {
    Ok(Reply::ok(json!({"verifiable_password_authentication": false, "installed_version": "twin"})))
}

/// `GET /versions`
pub fn versions(_: &Call<'_>) -> Outcome {
    Ok(Reply::ok(json!(VERSIONS)))
}

/// `GET /rate_limit`, which is free.
pub fn rate_limit(call: &Call<'_>) -> Outcome {
    let subject = call.caller.subject();
    let core = budget(call.world.limits.look(&subject, call.now));
    let graphql = budget(call.world.limits.look(&graphql_subject(&subject), call.now));
    // There is no search in this twin, so its budget is whole.
    let whole = |limit: u64, seconds: i64| json!({"limit": limit, "used": 0, "remaining": limit, "reset": call.now.timestamp() + seconds});
    Ok(Reply::ok(json!({
        "resources": {"core": core, "search": whole(30, 60), "graphql": graphql},
        "rate": core,
    })))
}

fn budget(budget: Budget) -> Value {
    json!({
        "limit": budget.limit,
        "used": budget.used,
        "remaining": budget.remaining(),
        "reset": budget.reset,
    })
}

const ROOT: &[(&str, &str)] = &[
    ("current_user_url", "/user"),
    ("authorizations_url", "/authorizations"),
    ("code_search_url", "/search/code?q={query}{&page,per_page,sort,order}"),
    ("commit_search_url", "/search/commits?q={query}{&page,per_page,sort,order}"),
    ("emails_url", "/user/emails"),
    ("emojis_url", "/emojis"),
    ("events_url", "/events"),
    ("feeds_url", "/feeds"),
    ("followers_url", "/user/followers"),
    ("following_url", "/user/following{/target}"),
    ("gists_url", "/gists{/gist_id}"),
    ("hub_url", "/hub"),
    ("issue_search_url", "/search/issues?q={query}{&page,per_page,sort,order}"),
    ("issues_url", "/issues"),
    ("keys_url", "/user/keys"),
    ("label_search_url", "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}"),
    ("notifications_url", "/notifications"),
    ("organization_url", "/orgs/{org}"),
    ("organization_repositories_url", "/orgs/{org}/repos{?type,page,per_page,sort}"),
    ("organization_teams_url", "/orgs/{org}/teams"),
    ("public_gists_url", "/gists/public"),
    ("rate_limit_url", "/rate_limit"),
    ("repository_url", "/repos/{owner}/{repo}"),
    ("repository_search_url", "/search/repositories?q={query}{&page,per_page,sort,order}"),
    ("current_user_repositories_url", "/user/repos{?type,page,per_page,sort}"),
    ("starred_url", "/user/starred{/owner}{/repo}"),
    ("starred_gists_url", "/gists/starred"),
    ("user_url", "/users/{user}"),
    ("user_organizations_url", "/user/orgs"),
    ("user_repositories_url", "/users/{user}/repos{?type,page,per_page,sort}"),
    ("user_search_url", "/search/users?q={query}{&page,per_page,sort,order}"),
];
