//! The API's description: built from the handlers, kept as a snapshot in `http/openapi.json`.
//!
//! Deliberately absent: the probes and metrics, which are no part of the API and have no version.

use crate::{
    routes::{
        ask, audit, budget, campaigns, changesets, commands, events, installations, pace, runs, steer,
        targets, whoami,
    },
    state::ApiState,
    wire::{PROBLEM_JSON, Problem},
};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use std::sync::LazyLock;
use utoipa::{
    OpenApi,
    openapi::{
        Components, ContentBuilder, Ref, RefOr, ResponseBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Where every route of the API is.
pub(crate) const BASE: &str = "/api/v1";

/// What stands at the head of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Campaigns",
        description = "One change in thousands of repositories, seen through. Errors are problem+json (RFC 9457); \
                       lists are pages with an opaque `next`; single things have ETags.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem))
)]
struct Head;

/// The API's description, as the server gives it out.
pub fn document() -> utoipa::openapi::OpenApi {
    split().1
}

/// The API's routes, still without the gate in front, and the route that needs none: this description.
pub(crate) fn api() -> (axum::Router<ApiState>, axum::Router<ApiState>) {
    let (gated, _) = split();
    (gated, described().split_for_parts().0)
}

fn described() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().nest(BASE, OpenApiRouter::new().routes(routes!(description)))
}

fn split() -> (axum::Router<ApiState>, utoipa::openapi::OpenApi) {
    let api = OpenApiRouter::new()
        .routes(routes!(campaigns::list))
        .routes(routes!(campaigns::get, campaigns::apply))
        .routes(routes!(campaigns::specs))
        .routes(routes!(runs::list, runs::create))
        .routes(routes!(runs::get))
        .routes(routes!(steer::pause_run))
        .routes(routes!(steer::resume_run))
        .routes(routes!(steer::cancel_run))
        .routes(routes!(steer::pause))
        .routes(routes!(steer::resume))
        .routes(routes!(steer::cancel))
        .routes(routes!(pace::pace))
        .routes(routes!(events::events))
        .routes(routes!(targets::list))
        .routes(routes!(targets::get))
        .routes(routes!(targets::diff))
        .routes(routes!(targets::log))
        .routes(routes!(changesets::of_campaign))
        .routes(routes!(changesets::of_run))
        .routes(routes!(changesets::get))
        .routes(routes!(changesets::diff))
        .routes(routes!(changesets::sync))
        .routes(routes!(budget::of_campaign))
        .routes(routes!(budget::of_organization))
        .routes(routes!(budget::estimate))
        .routes(routes!(ask::ask))
        .routes(routes!(commands::get))
        .routes(routes!(installations::list))
        .routes(routes!(audit::list))
        .routes(routes!(whoami::get));
    let (router, mut document) =
        OpenApiRouter::with_openapi(Head::openapi()).nest(BASE, api).split_for_parts();
    document.merge(described().into_openapi());
    complete(&mut document);
    (router, document)
}

/// The API's description (this document). It says nothing of what is here, and takes no token.
#[utoipa::path(get, path = "/openapi.json", tag = "access", operation_id = "openapi", security(()),
    responses((status = 200, body = serde_json::Value)))]
async fn description() -> Response {
    static JSON: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str()).into_response()
}

/// What holds for every operation: a token, and problems.
fn complete(document: &mut utoipa::openapi::OpenApi) {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of this server, `cmp_…`"))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("token", SecurityScheme::Http(scheme));
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    let paths = document.paths.paths.iter_mut();
    for (path, item) in paths {
        let verbs = [("get", &mut item.get), ("put", &mut item.put), ("post", &mut item.post)];
        for (verb, operation) in verbs {
            if let Some(operation) = operation {
                complete_operation(verb, path, operation);
            }
        }
    }
}

fn complete_operation(verb: &str, path: &str, operation: &mut Operation) {
    let problem = || RefOr::Ref(Ref::from_schema_name("Problem"));
    let response = ResponseBuilder::new()
        .description("What went wrong and what to do")
        .content(PROBLEM_JSON, ContentBuilder::new().schema(Some(problem())).build())
        .build();
    operation.responses.responses.insert(String::from("default"), RefOr::T(response));
    let words =
        path.trim_start_matches(BASE).split('/').filter(|word| !word.is_empty() && !word.starts_with('{'));
    let words: Vec<String> = words.map(|word| word.replace('.', "_")).collect();
    operation.operation_id = Some(match path.ends_with('}') {
        true => format!("{verb}_{}_one", words.join("_")),
        false => format!("{verb}_{}", words.join("_")),
    });
}
