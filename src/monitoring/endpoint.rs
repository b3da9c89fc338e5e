//! The address for operators: `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Levels, Metrics};

/// The media type of Prometheus' text format.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The data behind the endpoints.
pub(crate) struct Watched {
    pub(crate) metrics: Arc<Metrics>,
    /// Whether new pages are admitted.
    pub(crate) is_ready: Box<dyn Fn() -> bool + Send + Sync>,
    pub(crate) levels: Box<dyn Fn() -> Levels + Send + Sync>,
    /// Whether a request with this `Host` is answered. A page of another site, which the browser
    /// believes to be at this address, sends a foreign one.
    pub(crate) allows_host: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

/// Returns the service of the address.
pub(crate) fn router(watched: Watched) -> Router {
    let watched = Arc::new(watched);
    Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(Arc::clone(&watched), guard))
        .with_state(watched)
}

async fn guard(State(watched): State<Arc<Watched>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    match host.is_some_and(|host| (watched.allows_host)(host)) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, "This address is not known here.\n").into_response(),
    }
}

async fn readiness(State(watched): State<Arc<Watched>>) -> Response {
    match (watched.is_ready)() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> Response {
    match watched.metrics.text((watched.levels)()) {
        Ok(text) => {
            let content = (header::CONTENT_TYPE, TEXT);
            ([content], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
