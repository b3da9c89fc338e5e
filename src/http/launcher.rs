//! The launcher: tells a page that is signed in where its session is.

use std::{fmt::Write, sync::Arc};

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
    rooms::{ROOM, Visit},
};

/// Maximum size in bytes of the body of a launcher request.
const MAX_BODY: usize = 64 * 1024;

const NOT_SIGNED_IN: &str = "Not signed in. Open the application by a link that it printed, or by its own window. Press Enter in \
    its terminal for another link, or start it once more with --sign-in-link.";

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
    let is_page = site.access.verify_proof(&launch.sign_in_proof)
        || site.endpoints.content.is_some()
        || !site.server.modules().page_is_built_in();
    let kind = is_page.then(|| site.access.cookie_of(&headers)).flatten();
    let no_store = (header::CACHE_CONTROL, "no-store".to_owned());
    let Some(kind) = kind else {
        return ([no_store], Json(json!({ "error": NOT_SIGNED_IN }))).into_response();
    };
    let mut session_url =
        site.names.session_url(&headers, launch.base.as_str().unwrap_or_default(), path);
    let is_secure = site.names.is_secure(&headers);
    let renewed = site.access.cookie_header(kind, is_secure);
    let user = site.access.user_of(&headers);
    let fixed = [no_store, (header::SET_COOKIE, renewed)];
    // Both cookies end at the same time.
    let known = user.as_ref().map(|user| site.access.user_cookie(user, is_secure));
    let known = AppendHeaders(known.map(|cookie| (header::SET_COOKIE, cookie)));
    let Some(rooms) = &site.rooms else {
        let answer = json!({ "sessionURL": session_url, "secret": site.access.secret(kind) });
        return (fixed, known, Json(answer)).into_response();
    };
    let visit = Visit {
        name: launch.room.as_str().unwrap_or_default().to_owned(),
        before: launch.before.as_str().map(str::to_owned),
        user,
    };
    let answer = match Arc::clone(rooms).enter(visit).await {
        Ok(place) => {
            let _ = write!(session_url, "?{ROOM}={}", place.id);
            let secret = place.access.secret(kind);
            json!({ "sessionURL": session_url, "secret": secret, "selvedgeRoom": place.ticket })
        }
        Err(reason) => json!({ "error": reason.to_string() }),
    };
    (fixed, known, Json(answer)).into_response()
}
