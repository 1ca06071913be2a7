//! The app and its installation: `integration`, `installation`, `installation-token`.

use super::node_id;
use super::users::simple;
use crate::clock::stamp;
use crate::rest::urls::Urls;
use crate::world::model::{Account, App, Installation, Permissions};
use serde_json::{Value, json};

/// `integration`.
pub fn integration(urls: &Urls, app: &App, owner: &Account) -> Value {
    json!({
        "id": app.id,
        "slug": app.slug,
        "client_id": app.client_id,
        "node_id": node_id("A", app.id),
        "owner": simple(urls, owner),
        "name": app.name,
        "description": null,
        "external_url": urls.web,
        "html_url": format!("{}/apps/{}", urls.web, app.slug),
        "created_at": stamp(app.created_at),
        "updated_at": stamp(app.created_at),
        "permissions": permissions(&app.permissions),
        "events": [],
        "installations_count": 1,
    })
}

/// `installation`.
pub fn installation(urls: &Urls, found: &Installation, app: &App, account: &Account) -> Value {
    json!({
        "id": found.id,
        "account": simple(urls, account),
        "repository_selection": selection(found),
        "access_tokens_url": format!("{}/app/installations/{}/access_tokens", urls.api, found.id),
        "repositories_url": format!("{}/installation/repositories", urls.api),
        "html_url": format!("{}/organizations/{}/settings/installations/{}", urls.web, account.login, found.id),
        "app_id": app.id,
        "client_id": app.client_id,
        "app_slug": app.slug,
        "target_id": account.id,
        "target_type": "Organization",
        "permissions": permissions(&found.permissions),
        "events": [],
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.created_at),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": null,
        "suspended_at": found.suspended_at.map(stamp),
    })
}

/// `all`, or `selected`.
pub fn selection(found: &Installation) -> &'static str {
    if found.selected.is_some() { "selected" } else { "all" }
}

/// `permissions` by name.
pub fn permissions(granted: &Permissions) -> Value {
    granted
        .iter()
        .map(|(name, level)| (name.clone(), json!(level.word())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
