//! The app's webhook as the API shows it: where it goes, what was delivered, and delivering that again.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use crate::clock::stamp;
use crate::hooks::Outgoing;
use crate::hooks::log::{Attempt, Said};
use crate::paging::{asked, encode};
use serde_json::{Value, json};

/// `GET /app/hook/config`
pub fn config(call: &Call<'_>) -> Outcome {
    Ok(Reply::ok(shown(call)))
}

fn shown(call: &Call<'_>) -> Value {
    let config = call.world.hooks.config();
    let mut shown =
        json!({"content_type": "json", "insecure_ssl": "0", "url": config.url.unwrap_or_default()});
    if config.secret.is_some() {
        shown["secret"] = json!("********");
    }
    shown
}

/// `PATCH /app/hook/config`
pub fn configure(call: &Call<'_>) -> Outcome {
    if call.optional_text("content_type")?.is_some_and(|kind| kind != "json") {
        return Err(Refusal::new(501, "The twin sends webhooks as JSON only."));
    }
    let mut config = call.world.hooks.config();
    if let Some(url) = call.optional_text("url")? {
        config.url = Some(url.to_owned());
    }
    if let Some(secret) = call.optional_text("secret")? {
        config.secret = Some(secret.to_owned());
    }
    call.world.hooks.configure(config)?;
    Ok(Reply::ok(shown(call)))
}

/// `GET /app/hook/deliveries`
pub fn deliveries(call: &Call<'_>) -> Outcome {
    let before = match call.query("cursor") {
        None => None,
        Some(cursor) => {
            let number = cursor.strip_prefix("v1_").and_then(|number| number.parse().ok());
            Some(number.ok_or_else(|| Refusal::unprocessable("Invalid cursor"))?)
        }
    };
    let (_, size) = asked(call, 30);
    let status = call.query("status");
    let wanted = |attempt: &Attempt| match status {
        Some("success") => attempt.succeeded(),
        Some("failure") => !attempt.succeeded(),
        _ => true,
    };
    let mut found = call.world.hooks.log.shown(call.now, before);
    found.retain(wanted);
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|last| {
        let kept = call.query_pairs().iter().filter(|(name, _)| name != "cursor");
        let kept: String = kept.map(|(name, value)| format!("{}={}&", encode(name), encode(value))).collect();
        format!("<{}?{kept}cursor=v1_{}>; rel=\"next\"", call.permanent_path(), last.id)
    });
    Ok(Reply::ok(found.iter().map(item).collect::<Vec<_>>().into()).link(next))
}

/// `hook-delivery-item`.
fn item(attempt: &Attempt) -> Value {
    json!({
        "id": attempt.id,
        "guid": attempt.guid,
        "delivered_at": stamp(attempt.delivered_at),
        "redelivery": attempt.redelivery,
        "duration": attempt.duration,
        "status": attempt.status,
        "status_code": attempt.status_code,
        "event": attempt.event,
        "action": attempt.action,
        "installation_id": attempt.installation_id,
        "repository_id": attempt.repository_id,
        "throttled_at": null,
    })
}

fn named(call: &Call<'_>) -> Result<(Attempt, Said), Refusal> {
    let id = call.param("delivery_id").parse().map_err(|_| Refusal::not_found())?;
    call.world.hooks.log.get(call.now, id)?.ok_or_else(Refusal::not_found)
}

/// `GET /app/hook/deliveries/{delivery_id}`
pub fn delivery(call: &Call<'_>) -> Outcome {
    let (attempt, said) = named(call)?;
    let mut shown = item(&attempt);
    shown["url"] = json!(attempt.url);
    shown["request"] = json!({"headers": said.request_headers, "payload": said.request});
    shown["response"] = json!({"headers": said.response_headers, "payload": said.response});
    Ok(Reply::ok(shown))
}

/// `POST /app/hook/deliveries/{delivery_id}/attempts`
pub fn redeliver(call: &Call<'_>) -> Outcome {
    let (attempt, said) = named(call)?;
    call.world.hooks.send(Outgoing {
        guid: attempt.guid,
        redelivery: true,
        event: attempt.event,
        action: attempt.action,
        installation: attempt.installation_id,
        repository: attempt.repository_id,
        payload: said.request,
    });
    Ok(Reply::json(202, json!({})))
}
