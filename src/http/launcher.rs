//! The launcher: tells a page that is signed in where its session is.

use std::sync::Arc;

use axum::{
    Json,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    REQUEST_TIMEOUT, Site, error_page,
    names::is_base_path,
    rooms::{NoRoom, ROOM, Visit},
};
use crate::protocol::Bearer;

/// Maximum size in bytes of the body of a launcher request.
const MAX_BODY: usize = 64 * 1024;

/// When a page may ask again that was refused because the program is busy or stopping, in seconds.
const RETRY_AFTER: &str = "10";

const NOT_SIGNED_IN: &str = "Not signed in. Ask for a link to this application; each link signs in one browser. If you run the \
    application yourself, press Enter in its terminal for a link, or start it once more with --sign-in-link.";

const NO_WEBSOCKET: &str = "This server was started without its WebSocket (--no-ws-endpoint).";

/// The fields of the page's launcher request that the server uses.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LaunchRequest {
    sign_in_proof: String,
    /// The path of the page's address.
    #[serde(rename = "selvedgeBase")]
    base: Value,
    /// The name of a room, from the address of the page.
    room: Value,
    /// The ticket of the room in which the page was before.
    #[serde(rename = "selvedgeRoom")]
    before: Value,
}

/// Answers a launcher request as trame's pages expect: with the WebSocket's URL and the secret.
pub(super) async fn launch(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let proxied = site.proxies.user_of(&request);
    let prefix = site.proxies.prefix_of(&request).map(str::to_owned);
    let bearer = site.bearer_of(&request);
    let body = match timeout(REQUEST_TIMEOUT, to_bytes(request.into_body(), MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return error_page::text(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.\n");
        }
        Err(_) => {
            return error_page::text(StatusCode::REQUEST_TIMEOUT, "The request took too long.\n");
        }
    };
    let Some(path) = &site.endpoints.websocket else {
        return Json(json!({ "error": NO_WEBSOCKET })).into_response();
    };
    let launch: LaunchRequest = serde_json::from_slice(&body).unwrap_or_default();
    // The page of a module or of a folder, such as trame's own, does not know the proof.
    let is_page = proxied.is_some()
        || bearer
            .as_ref()
            .is_some_and(|bearer| site.access.verify_proof(&launch.sign_in_proof, bearer))
        || site.endpoints.content.is_some()
        || !site.server.modules().page_is_built_in();
    let bearer = is_page.then_some(bearer).flatten();
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let Some(bearer) = bearer else {
        count_refusal(&site, "not signed in");
        return (no_store, Json(json!({ "error": NOT_SIGNED_IN }))).into_response();
    };
    // A user whom a proxy names is signed in as long as the proxy says so.
    let renewed = match proxied {
        Some(_) => None,
        None => site.access.cookie_header(&bearer, site.names.is_secure(&headers)),
    };
    let renewed = AppendHeaders(renewed.map(|cookie| (header::SET_COOKIE, cookie)));
    let base = prefix.as_deref().filter(|prefix| is_base_path(prefix));
    let base = base.or(launch.base.as_str()).unwrap_or_default();
    let session_url = site.names.session_url(&headers, base, path);
    match session(&site, &launch, &bearer, session_url).await {
        Ok(session) => (no_store, renewed, Json(session)).into_response(),
        Err(refusal) => {
            count_refusal(&site, refusal.reason);
            (no_store, renewed, refusal).into_response()
        }
    }
}

fn count_refusal(site: &Site, reason: &'static str) {
    site.server.hub().metrics().inspect(|metrics| metrics.page_refused(reason));
}

/// Why a page gets no session.
struct Refusal {
    text: String,
    /// The reason in metrics.
    reason: &'static str,
}

impl From<NoRoom> for Refusal {
    fn from(no_room: NoRoom) -> Self {
        let reason = match no_room {
            NoRoom::Full(_) => "full",
            NoRoom::Stopping => "stopping",
            NoRoom::Unreachable => "unreachable",
            NoRoom::Refused(_) => "refused",
            NoRoom::Failed | NoRoom::NoUser | NoRoom::NameTooLong(_) => "no room",
        };
        Refusal { text: no_room.to_string(), reason }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let answer = Json(json!({ "error": self.text }));
        // wslink's pages ask again after this status, if they are configured so.
        match self.reason {
            "full" | "stopping" | "unreachable" => {
                let later = [(header::RETRY_AFTER, RETRY_AFTER)];
                (StatusCode::SERVICE_UNAVAILABLE, later, answer).into_response()
            }
            _ => answer.into_response(),
        }
    }
}

/// Returns the session of a page.
///
/// # Errors
/// The reason why there is none.
async fn session(
    site: &Site,
    launch: &LaunchRequest,
    bearer: &Bearer,
    session_url: String,
) -> Result<Value, Refusal> {
    if site.draining.is_cancelled() {
        return Err(NoRoom::Stopping.into());
    }
    let Some(rooms) = &site.rooms else {
        site.server.role_of(bearer).map_err(NoRoom::Refused)?;
        let secret = site.access.secret_of(bearer);
        return Ok(json!({ "sessionURL": session_url, "secret": secret }));
    };
    let visit = Visit {
        name: launch.room.as_str().unwrap_or_default().to_owned(),
        before: launch.before.as_str().map(str::to_owned),
        bearer: bearer.clone(),
        hops: 0,
    };
    let entry = Arc::clone(rooms).enter(visit).await?;
    // The room may have taken long to make.
    if site.draining.is_cancelled() {
        return Err(NoRoom::Stopping.into());
    }
    Ok(json!({
        "sessionURL": format!("{session_url}?{ROOM}={}", entry.room),
        "secret": entry.secret,
        "selvedgeRoom": entry.ticket,
    }))
}
