//! The HTTP side of the port: liveness, readiness, the judge for other programs, and the WebSocket upgrade on `/`. Everything is
//! behind the Host and proxy checks of [`crate::origin`].

mod decide;
pub mod openapi;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use stockade_policy::clients::Client;

use crate::decisions::Decisions;
use crate::limiter::Place;
use crate::serve::Budget;
use crate::{Gateway, origin, ws};

/// The routes.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    let decisions = Decisions::start(&gateway, decide::entry);
    Router::new()
        .route("/", get(upgrade))
        .route("/health", get(live))
        .route("/healthz", get(live))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/startup", get(started))
        .route("/startupz", get(started))
        .route("/v1/decide", post(decide::decide).layer(Extension(decisions)))
        .route("/v1/openapi.json", get(openapi::serve))
        .fallback(async || error(StatusCode::NOT_FOUND, "not_found"))
        .layer(middleware::from_fn_with_state(Arc::clone(&gateway), guard))
        .with_state(gateway)
}

/// Runs before every route, unknown ones too.
async fn guard(
    State(gateway): State<Arc<Gateway>>,
    Extension(peer): Extension<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let running = gateway.running();
    let mut response = match origin::attribute(request.headers(), &running.proxies, peer) {
        Ok(client) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(refused) => error(refused.status, refused.kind),
    };
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
    }
    response
}

async fn live() -> Response {
    Json(json!({ "ok": true, "status": "live" })).into_response()
}

/// Whether turns would be taken. Says no more to people who have proved nothing.
async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let ready = gateway.lock() == stockade_policy::Lock::Released;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready }))).into_response()
}

/// OpenClaw's command line reads this first.
async fn started() -> Response {
    Json(json!({ "ok": true, "status": "started", "version": ws::COMPATIBLE_VERSION })).into_response()
}

async fn upgrade(
    State(gateway): State<Arc<Gateway>>,
    Extension(address): Extension<SocketAddr>,
    Extension(client): Extension<Client>,
    Extension(budget): Extension<Arc<Budget>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return error(StatusCode::UPGRADE_REQUIRED, "websocket_only");
    };
    let listed = gateway.running().loaded.config.gateway.control_ui.allowed_origins.clone();
    // Before a place is taken: a web page must not be able to use up the operator's places.
    if !origin::allowed(&headers, &listed) {
        return error(StatusCode::FORBIDDEN, "origin_not_allowed");
    }
    let peer = ws::handshake::peer(address, client, &headers);
    let Some(place) = Place::take(&gateway, peer.stranger.counted()) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Too many unauthenticated sockets").into_response();
    };
    upgrade
        .max_message_size(ws::MAX_PAYLOAD)
        .max_frame_size(ws::MAX_PAYLOAD)
        .on_failed_upgrade(|error| tracing::debug!(%error, "an upgrade failed"))
        .on_upgrade(move |socket| {
            budget.limit(ws::MAX_PREAUTH);
            ws::serve(gateway, socket, peer, place, budget)
        })
}

fn error(status: StatusCode, kind: &str) -> Response {
    (status, Json(json!({ "error": { "type": kind } }))).into_response()
}

const SECURITY_HEADERS: &[(header::HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];
