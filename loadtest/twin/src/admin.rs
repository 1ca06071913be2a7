//! `/_twin/`: what GitHub does not have. Faults, clock, limits, the log, a summary of the state, and people's
//! verbs (`verbs`) for harnesses in other processes. Loopback only, with the admin token as a bearer.

mod verbs;

use crate::faults::Fault;
use crate::people::Refused;
use crate::serve::Server;
use crate::world::World;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Serves the admin space.
pub async fn serve(server: &Arc<Server>, peer: SocketAddr, request: Request) -> Response<Body> {
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().as_bytes();
    let known: bool = given.ct_eq(server.world.secrets.admin().as_bytes()).into();
    if !peer.ip().is_loopback() || !known {
        let body =
            json!({"message": "The admin space answers on loopback to `Authorization: Bearer ADMIN_TOKEN`."});
        return answer(StatusCode::UNAUTHORIZED, &body);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 16 << 20).await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({"message": "the body is too large"}));
    };
    let path = parts.uri.path().trim_start_matches("/_twin/").trim_end_matches('/').to_owned();
    if path == "log" && parts.method == Method::GET {
        return log(&server.world);
    }
    let world = Arc::clone(&server.world);
    let work = move || act(&world, &parts.method, &path, &body);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(body)) => answer(StatusCode::OK, &body),
        Ok(Err(refused)) => {
            answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({"message": refused.to_string()}))
        }
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": "the operation panicked"})),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn log(world: &World) -> Response<Body> {
    match std::fs::read(world.log.path()) {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-ndjson"));
            response
        }
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": error.to_string()})),
    }
}

fn act(world: &Arc<World>, method: &Method, path: &str, body: &[u8]) -> Result<Value, Refused> {
    let parts: Vec<&str> = path.split('/').collect();
    match (method.as_str(), &parts[..]) {
        ("GET", ["state"]) => Ok(state(world)),
        ("GET", ["faults"]) => Ok(json!(world.faults.list())),
        ("DELETE", ["faults"]) => {
            world.faults.clear();
            Ok(json!([]))
        }
        ("POST", ["faults"]) => {
            let fault: Fault = parse(body)?;
            world.faults.add(fault);
            Ok(json!(world.faults.list()))
        }
        ("GET", ["clock"]) => Ok(clock(world)),
        ("POST", ["clock"]) => {
            move_clock(world, &parse(body)?)?;
            Ok(clock(world))
        }
        ("GET", ["limits"]) => Ok(limits(world)),
        ("POST", ["limits"]) => {
            let settings = world.limits.settings().with(&parse(body)?);
            let wrong = |error| Refused(format!("the body is not what is expected: {error}"));
            world.limits.set(settings.map_err(wrong)?);
            Ok(limits(world))
        }
        ("GET", ["webhooks"]) => Ok(json!({"url": world.hooks.config().url, "loss": world.hooks.loss()})),
        ("POST", ["webhooks"]) => {
            world.hooks.configure(parse(body)?)?;
            Ok(json!({}))
        }
        ("POST", ["webhooks", "loss"]) => {
            world.hooks.lose(parse(body)?);
            Ok(json!(world.hooks.loss()))
        }
        (verb, parts) => {
            let done = if verb == "POST" { verbs::act(world, parts, body) } else { None };
            done.unwrap_or_else(|| Err(Refused(format!("there is no {method} /_twin/{path}"))))
        }
    }
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused(format!("the body is not what is expected: {error}")))
}

fn clock(world: &World) -> Value {
    let now = world.clock.now();
    json!({"now": now, "micros": now.timestamp_micros(), "going": world.clock.going()})
}

/// What may be asked of the clock; one or more of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    /// Hold it, where it is or at a later time.
    #[serde(default)]
    hold: Option<Hold>,
    /// Move it forward by so many seconds, whole or not.
    #[serde(default)]
    advance_seconds: Option<f64>,
    /// Let it go on from where it stands.
    #[serde(default)]
    release: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Hold {
    At(DateTime<Utc>),
    Here(bool),
}

fn move_clock(world: &World, wanted: &ClockMove) -> Result<(), Refused> {
    match wanted.hold {
        Some(Hold::At(at)) => world.clock.hold(at),
        Some(Hold::Here(true)) => world.clock.hold(world.clock.now()),
        Some(Hold::Here(false)) | None => {}
    }
    if let Some(seconds) = wanted.advance_seconds {
        let by = std::time::Duration::try_from_secs_f64(seconds)
            .map_err(|_| Refused("`advance_seconds` must be a number that is not negative".into()))?;
        world.clock.advance(by);
    }
    if wanted.release {
        world.clock.release();
    }
    Ok(())
}

fn limits(world: &World) -> Value {
    json!({
        "enforced": world.limits.enforced(),
        "settings": world.limits.settings(),
        "at_the_same_time": world.limits.flying(),
    })
}

/// The world in numbers, and each repository's pull requests.
fn state(world: &World) -> Value {
    world.read(|state| {
        let (mut open, mut merged, mut closed) = (0, 0, 0);
        let mut repositories = Vec::new();
        for repository in state.repositories.values() {
            let mut pulls = Vec::new();
            for pull in repository.pulls.values() {
                let word = if pull.merge.is_some() { "merged" } else { pull.state() };
                match word {
                    "open" => open += 1,
                    "merged" => merged += 1,
                    _ => closed += 1,
                }
                pulls.push(json!({"number": pull.number, "state": word, "head": pull.head, "head_sha": pull.head_sha}));
            }
            repositories.push(json!({
                "id": repository.record.id,
                "name": repository.record.name,
                "archived": repository.record.archived,
                "pulls": pulls,
            }));
        }
        json!({
            "org": state.org().map(|org| &org.login),
            "pulls": {"open": open, "merged": merged, "closed": closed},
            "repositories": repositories,
        })
    })
}
