//! Campaigns and their specs. Deliberately absent: deleting one; what was done stays on record.

use super::{PAGE, Paging};
use crate::{
    auth::{Applying, May, Reading},
    body::{self, CampaignName, SPEC_BODY},
    cursor,
    error::ApiError,
    json,
    passage::RequestId,
    ports::NewSpec,
    query::Params,
    response,
    state::ApiState,
    wire::{Applied, ApplySpec, Campaign, Page, SpecFault, SpecVersion},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use campaigns_domain::{
    id::CampaignId,
    spec::{Spec, SpecErrors},
};
use uuid::Uuid;

/// Campaigns, by name.
#[utoipa::path(get, path = "/campaigns", tag = "campaigns", params(Paging), responses((status = 200, body = Page<Campaign>)))]
pub(crate) async fn list(
    _: May<Reading>,
    State(state): State<ApiState>,
    Params(paging): Params<Paging>,
) -> Result<Response, ApiError> {
    let limit = body::limit(paging.limit, PAGE.0, PAGE.1)?;
    response::page(state.reads.campaigns(cursor::decode(paging.cursor.as_deref())?, limit).await?)
}

/// One campaign.
#[utoipa::path(get, path = "/campaigns/{name}", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name")),
    responses((status = 200, body = Campaign), (status = 304, description = "It is as the caller has it")))]
pub(crate) async fn get(
    _: May<Reading>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let campaign = state.reads.campaign(&name).await?;
    response::tagged(&headers, &campaign.ok_or_else(|| ApiError::not_found(format!("campaign `{name}`")))?)
}

/// Puts a spec in force, creating its campaign if that is new. A spec that means the same as the one in force is
/// no new version; an earlier version comes back into force under its own number.
#[utoipa::path(put, path = "/campaigns/{name}", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name, the same as in the spec")),
    request_body(content((ApplySpec = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = Applied), (status = 201, body = Applied, description = "The campaign is new")))]
pub(crate) async fn apply(
    May { caller, .. }: May<Applying>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    request_id: RequestId,
    request: Request,
) -> Result<Response, ApiError> {
    let raw = spec_text(request).await?;
    let spec = checked(&raw)?;
    if spec.name != name {
        let detail =
            format!("the spec's name is `{}` and the path says `{name}`; write the same in both", spec.name);
        return Err(ApiError::bad_spec(detail, vec![]));
    }
    let (normal, digest) = (spec.normal_form(), spec.digest());
    let new = NewSpec { campaign: CampaignId(Uuid::now_v7()), name, raw, normal, digest };
    let applied = state.writes.apply(&caller.signed(&request_id), new).await?;
    response::json(if applied.created { StatusCode::CREATED } else { StatusCode::OK }, &applied)
}

/// A campaign's spec versions, newest first.
#[utoipa::path(get, path = "/campaigns/{name}/specs", tag = "campaigns",
    params(("name" = String, Path, description = "The campaign's name"), Paging),
    responses((status = 200, body = Page<SpecVersion>)))]
pub(crate) async fn specs(
    _: May<Reading>,
    State(state): State<ApiState>,
    CampaignName(name): CampaignName,
    Params(paging): Params<Paging>,
) -> Result<Response, ApiError> {
    let limit = body::limit(paging.limit, 20, 100)?;
    let listed = state.reads.specs(&name, cursor::decode(paging.cursor.as_deref())?, limit).await?;
    response::page(listed.ok_or_else(|| ApiError::not_found(format!("campaign `{name}`")))?)
}

async fn spec_text(request: Request) -> Result<String, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = body::read(body, &parts.headers, SPEC_BODY).await?;
    match body::media_type(&parts.headers).as_str() {
        "application/json" => Ok(json::object::<ApplySpec>(&bytes)?.spec),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => {
            String::from_utf8(bytes.into()).map_err(|_| {
                ApiError::bad_spec("the spec is not UTF-8; save it as UTF-8 and send it again", vec![])
            })
        }
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "send the spec as `application/yaml`, or as `application/json` with {\"spec\": \"the YAML text\"}",
        )),
    }
}

/// Reads the spec, off the threads that serve requests: a large one takes a while.
fn checked(raw: &str) -> Result<Spec, ApiError> {
    let spec = Spec::parse(raw).map_err(|errors| faults(&errors))?;
    // What a variable is set to on this server is nobody's business: whoever applies a spec says it.
    spec.resolve_environment(|_| None).map_err(|unset| {
        let detail = format!(
            "the spec passes variables of its author's environment through ({}); give them values in the spec, as \
             `campaigns apply` does",
            unset.names.join(", ")
        );
        ApiError::bad_spec(detail, vec![])
    })
}

fn faults(errors: &SpecErrors) -> ApiError {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let faults = errors.errors.iter().map(|error| SpecFault {
        line: number(error.at.line),
        column: number(error.at.column),
        message: error.message.clone(),
        help: error.help.clone(),
    });
    let count = errors.errors.len() + errors.more;
    let detail = match count {
        1 => String::from("there is an error in the spec; `errors` says where"),
        count => format!("there are {count} errors in the spec; `errors` says where"),
    };
    ApiError::bad_spec(detail, faults.collect())
}
