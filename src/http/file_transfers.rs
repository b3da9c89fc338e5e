//! Uploads and downloads of files, by tickets that pages get over their WebSocket.
//!
//! A ticket proves that its bearer has signed in: it is as long as a secret and valid for one
//! request. `Host` and `Origin` are checked first, as for every request.

use std::{io, sync::Arc};

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Site, error_page, lobby::Guest};
use crate::{
    Failure,
    app::Server,
    error::TransferError,
    files::{Outgoing, Phase, Sent},
};

const NO_TICKET: &str = "This address has already been used or has expired. The page asks for a new one for each file.\n";

/// Passes an uploaded file to the application, and answers with its result as JSON.
pub(super) async fn upload(
    State(site): State<Arc<Site>>,
    Path(ticket): Path<String>,
    Extension(guest): Extension<Arc<Guest>>,
    request: Request,
) -> Response {
    let Some(length) = length(request.headers()) else {
        return error_page::text(
            StatusCode::LENGTH_REQUIRED,
            "An upload needs a Content-Length.\n",
        );
    };
    let redeem = |server: &Server| server.transfers().redeem_upload(&ticket);
    let Some((site, right)) = site.in_some_room(redeem) else {
        return error_page::text(StatusCode::NOT_FOUND, NO_TICKET);
    };
    if length > right.size() {
        let text = "The upload is longer than announced or allowed.\n";
        return error_page::text(StatusCode::PAYLOAD_TOO_LARGE, text);
    }
    if length < right.size() {
        return error_page::text(
            StatusCode::BAD_REQUEST,
            "The upload is shorter than announced.\n",
        );
    }
    let Some(_slot) = site.server.transfers().enter() else {
        return error_page::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many uploads are running.\n",
        );
    };
    guest.admit();
    let body = request.into_body().into_data_stream().map_err(io::Error::other).boxed();
    match site.server.receive(right, body, site.stop.clone()).await {
        Ok(result) => match site.server.state().stored().await {
            Ok(()) => Json(result.decode::<Value>().unwrap_or_default()).into_response(),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
        },
        Err(failure) => (status(&failure), site.server.told(&failure)).into_response(),
    }
}

/// Returns the size of the body in bytes, as the request states it.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Maps the failure of an upload to a status code.
fn status(failure: &Failure) -> StatusCode {
    match failure.downcast_ref::<TransferError>() {
        Some(TransferError::Stalled(_)) => StatusCode::REQUEST_TIMEOUT,
        Some(TransferError::Stopped) => StatusCode::SERVICE_UNAVAILABLE,
        Some(TransferError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Sends a file that the application offers.
pub(super) async fn download(
    State(program): State<Arc<Site>>,
    Path(ticket): Path<String>,
    Extension(guest): Extension<Arc<Guest>>,
) -> Response {
    let redeem = |server: &Server| server.transfers().redeem_download(&ticket);
    let Some((site, file)) = program.in_some_room(redeem) else {
        return error_page::text(StatusCode::NOT_FOUND, NO_TICKET);
    };
    guest.admit();
    file.begin();
    // A file that is being sent outlives its room, but not the program.
    let stop = program.stop.clone();
    program.websockets.spawn(watch_over(site, stop, file.watch(), guest));
    let mut response = Response::new(Body::empty());
    describe(&file, response.headers_mut());
    *response.body_mut() = Body::from_stream(file);
    response
}

fn describe(file: &Outgoing, headers: &mut HeaderMap) {
    let octets = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::try_from(&file.media_type).unwrap_or(octets);
    headers.insert(header::CONTENT_TYPE, media_type);
    let disposition = HeaderValue::try_from(disposition(&file.name));
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(attachment));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    if let Some(size) = file.size {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
}

/// Returns the `Content-Disposition` of a file (RFC 6266, section 4.3): its name in ASCII for old
/// browsers, and in UTF-8 for all others.
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ';
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    // RFC 5987, section 3.2.1: attr-char.
    let is_attr = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    let encoded = name.bytes().fold(String::new(), |text, byte| match is_attr(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    });
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// Ends the connection of a stalled download: its peer does not read, and hyper would wait for it
/// forever.
async fn watch_over(
    site: Arc<Site>,
    stop: CancellationToken,
    mut sent: watch::Receiver<Sent>,
    guest: Arc<Guest>,
) {
    let stall_timeout = site.server.transfers().stall_timeout();
    let is_over = |sent: &Sent| matches!(sent.phase, Phase::Done | Phase::Broken);
    while !is_over(&sent.borrow_and_update()) {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = timeout(stall_timeout, sent.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    tracing::info!(?stall_timeout, "a download stood still and was ended");
                    return guest.turn_out();
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_quoted_and_encoded() {
        assert_eq!(
            disposition("run 5.csv"),
            "attachment; filename=\"run 5.csv\"; filename*=UTF-8''run%205.csv"
        );
        assert_eq!(
            disposition("Größe\";x.csv"),
            "attachment; filename=\"Gr__e_;x.csv\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%22%3Bx.csv"
        );
    }
}
