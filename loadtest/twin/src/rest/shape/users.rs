//! Accounts: `simple-user`, `private-user`, `public-user`, `organization-full`.

use super::node_id;
use crate::clock::stamp;
use crate::paging::encode;
use crate::rest::urls::Urls;
use crate::world::model::{Account, AccountKind};
use serde_json::{Value, json};

/// `simple-user`.
pub fn simple(urls: &Urls, account: &Account) -> Value {
    let (api, web) = (&urls.api, &urls.web);
    let login = encode(&account.login);
    let (prefix, kind) = match account.kind {
        AccountKind::User => ("U", "User"),
        AccountKind::Bot => ("BOT", "Bot"),
        AccountKind::Organization => ("O", "Organization"),
    };
    let user = format!("{api}/users/{login}");
    let page = account
        .login
        .strip_suffix("[bot]")
        .map_or_else(|| format!("{web}/{login}"), |slug| format!("{web}/apps/{slug}"));
    json!({
        "login": account.login,
        "id": account.id,
        "node_id": node_id(prefix, account.id),
        "avatar_url": format!("{web}/avatars/u/{}?v=4", account.id),
        "gravatar_id": "",
        "url": user,
        "html_url": page,
        "followers_url": format!("{user}/followers"),
        "following_url": format!("{user}/following{{/other_user}}"),
        "gists_url": format!("{user}/gists{{/gist_id}}"),
        "starred_url": format!("{user}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{user}/subscriptions"),
        "organizations_url": format!("{user}/orgs"),
        "repos_url": format!("{user}/repos"),
        "events_url": format!("{user}/events{{/privacy}}"),
        "received_events_url": format!("{user}/received_events"),
        "type": kind,
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// `public-user`; `private-user` too when `own` (the account of whoever asks).
pub fn full(urls: &Urls, account: &Account, repositories: usize, own: bool) -> Value {
    let mut value = simple(urls, account);
    let when = stamp(account.created_at);
    merge(
        &mut value,
        json!({
            "name": account.name,
            "company": null,
            "blog": "",
            "location": null,
            "email": null,
            "hireable": null,
            "bio": null,
            "twitter_username": null,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": when,
            "updated_at": when,
        }),
    );
    if own {
        merge(
            &mut value,
            json!({
                "private_gists": 0,
                "total_private_repos": repositories,
                "owned_private_repos": 0,
                "disk_usage": 0,
                "collaborators": 0,
                "two_factor_authentication": true,
            }),
        );
    }
    value
}

/// `organization-full`.
pub fn organization(urls: &Urls, account: &Account, public: usize, private: usize) -> Value {
    let org = format!("{}/orgs/{}", urls.api, encode(&account.login));
    let when = stamp(account.created_at);
    json!({
        "login": account.login,
        "id": account.id,
        "node_id": node_id("O", account.id),
        "url": org,
        "repos_url": format!("{org}/repos"),
        "events_url": format!("{org}/events"),
        "hooks_url": format!("{org}/hooks"),
        "issues_url": format!("{org}/issues"),
        "members_url": format!("{org}/members{{/member}}"),
        "public_members_url": format!("{org}/public_members{{/member}}"),
        "avatar_url": format!("{}/avatars/u/{}?v=4", urls.web, account.id),
        "description": null,
        "name": account.name,
        "has_organization_projects": false,
        "has_repository_projects": false,
        "public_repos": public,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": format!("{}/{}", urls.web, encode(&account.login)),
        "type": "Organization",
        "total_private_repos": private,
        "owned_private_repos": private,
        "created_at": when,
        "updated_at": when,
        "archived_at": null,
    })
}

/// Adds the fields of one object to another.
pub fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
