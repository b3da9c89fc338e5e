//! Checks every request before it is routed: Host, Origin, and the redirect that exchanges a
//! sign-in link for a cookie.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{AppendHeaders, Html, IntoResponse, Response},
};

use super::{Site, access::Invited, error_page, lobby::Guest, names::is_authority, policy};
use crate::{
    Result,
    pages::escape::escaped,
    protocol::{Bearer, User},
    random::random_token,
};

/// The query parameter of sign-in links.
pub(crate) const SIGN_IN: &str = "sign_in";

/// The name of the proof in the fragment of the URL and in the page's launcher request.
const PROOF: &str = "signInProof";

/// Maximum length in bytes of a host name that an answer repeats: the longest name and a port.
const MAX_NAME: usize = 253 + 6;

const FOREIGN_ORIGIN: &str = "Pages of other origins have no access. If this one should have, start the server with \
    --allowed-origin and its origin, such as https://app.example.com.\n";

/// Replaces the token of a link that did not sign in. It shows that the request comes from this
/// server's own page.
const SAME_SITE: &str = "same_site";

const USED_LINK: &str = "This link was used already, or it is too old. Each link signs in one browser. Press Enter in the \
    terminal of the application for another link, or start it once more with --sign-in-link.\n";

pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if let Some(refusal) = refuse(&site, &request) {
        return refusal;
    }
    if site.bearer_of(&request).is_some()
        && let Some(guest) = request.extensions().get::<Arc<Guest>>()
    {
        guest.admit();
    }
    if let Some(followed) = followed(&site, &request)
        && let Some(answer) = sign_in(&site, followed).await
    {
        return answer;
    }
    let mut response = next.run(request).await;
    policy::complete(response.headers_mut(), &site);
    add_own_headers(&site, response.headers_mut());
    // Without this header browsers reuse answers for a while, even for the next program on this
    // port.
    let ask = HeaderValue::from_static("no-cache");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(ask);
    response
}

/// Adds the application's headers, unless there is one of the same name.
fn add_own_headers(site: &Site, headers: &mut HeaderMap) {
    for (name, value) in site.server.http_headers() {
        let name = header::HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.entry(name).or_insert(value);
        }
    }
}

fn refuse(site: &Site, request: &Request) -> Option<Response> {
    let host = single(request.headers(), &header::HOST);
    if !host.is_some_and(|host| site.names.allows_host(host)) {
        site.access.strangers.foreign_host(host);
        return Some(foreign_host(host));
    }
    let upgrade = request.headers().contains_key(header::UPGRADE);
    if request.method().is_safe() && !upgrade {
        return None;
    }
    // Browsers always send an origin here. A request without one is from a program, which needs the
    // secret.
    if !request.headers().contains_key(header::ORIGIN) {
        return None;
    }
    let origin = single(request.headers(), &header::ORIGIN);
    let host = host.unwrap_or_default();
    if !origin.is_some_and(|origin| site.names.allows_origin(origin, host)) {
        site.access.strangers.foreign_origin(origin);
        return Some(error_page::text(StatusCode::FORBIDDEN, FOREIGN_ORIGIN));
    }
    None
}

/// Explains how to allow a name that the server does not know.
fn foreign_host(host: Option<&str>) -> Response {
    let named = host.filter(|host| host.len() <= MAX_NAME && is_authority(host));
    let name = named.unwrap_or("NAME");
    let text = format!(
        "This server does not answer to the name in the address. If it should, start it with --allowed-host {name}, and \
         with --allowed-origin and the origin of the address bar where a proxy or a published port stands between.\n"
    );
    error_page::text(StatusCode::FORBIDDEN, text)
}

/// Returns the value of a header; `None` if it is missing or repeated.
fn single<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A sign-in link that was followed.
struct Followed {
    token: String,
    /// The address without the token.
    location: String,
    /// Who has followed it, if known.
    known: Option<Bearer>,
    is_secure: bool,
}

fn followed(site: &Site, request: &Request) -> Option<Followed> {
    if request.method() != Method::GET {
        return None;
    }
    let (token, location) = split_sign_in(request.uri())?;
    Some(Followed {
        token: token.to_owned(),
        location,
        known: site.access.cookie_of(request.headers()),
        is_secure: site.names.is_secure(request.headers()),
    })
}

async fn sign_in(site: &Site, followed: Followed) -> Option<Response> {
    let Followed { token, mut location, known, is_secure } = followed;
    let redeemed = site.access.redeem(&token).await;
    let is_new = redeemed.is_some();
    let bearer = match (redeemed, known) {
        (Some(invited), known) => match signed_in(invited, known) {
            Ok(bearer) => bearer,
            Err(error) => {
                tracing::error!(%error, "a user cannot be signed in");
                return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
        },
        (None, Some(known)) => known,
        (None, None) if token == SAME_SITE => {
            return Some(error_page::text(StatusCode::FORBIDDEN, USED_LINK));
        }
        (None, None) => return Some(try_from_here(&location)),
    };
    // Clients that have only the cookie do not get the proof. Pages of modules would leave it in
    // the address.
    if is_new && site.server.modules().page_is_built_in() {
        location = format!("{location}#{PROOF}={}", site.access.proof_of(&bearer));
    }
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    let cookie = site.access.cookie_header(&bearer, is_secure);
    let cookie = AppendHeaders(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Some((StatusCode::SEE_OTHER, headers, cookie).into_response())
}

/// Returns who a client is that a link has signed in. A user without a name stays the same in the
/// same browser.
fn signed_in(invited: Invited, known: Option<Bearer>) -> Result<Bearer> {
    Ok(match (invited, known) {
        (Invited::Window, _) => Bearer::Window,
        (Invited::Named(name), _) => Bearer::Browser(User::named(&name)),
        (Invited::Anyone, Some(Bearer::Browser(user))) if user.name().is_none() => {
            Bearer::Browser(user)
        }
        (Invited::Anyone, _) => Bearer::Browser(User::of_browser(&random_token()?)),
    })
}

/// Makes the browser repeat the request from a page of this server.
///
/// If the link was clicked in a page of another site, a signed-in browser does not send its cookie
/// (`SameSite=Strict`). It does when a page of this site leads on.
fn try_from_here(location: &str) -> Response {
    let separator = if location.contains('?') { '&' } else { '?' };
    let target = escaped(&format!("{location}{separator}{SIGN_IN}={SAME_SITE}"));
    let page = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><title>Signing in</title>\
         <meta http-equiv=\"refresh\" content=\"0; url={target}\"><a href=\"{target}\">{USED_LINK}</a>"
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    (StatusCode::FORBIDDEN, headers, Html(page)).into_response()
}

/// Splits a sign-in link into its token and the rest, which is a relative URL so that it survives a
/// proxy's path prefix.
fn split_sign_in(uri: &Uri) -> Option<(&str, String)> {
    let query = uri.query()?;
    let prefix = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| name == SIGN_IN);
    let token = query.split('&').find(|pair| prefix(pair))?.split_once('=')?.1;
    let rest: Vec<&str> = query.split('&').filter(|pair| !prefix(pair)).collect();
    let file = uri.path().rsplit('/').next().unwrap_or_default();
    let mut location = format!("./{file}");
    if !rest.is_empty() {
        location = format!("{location}?{}", rest.join("&"));
    }
    Some((token, location))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(uri: &'static str) -> Option<(String, String)> {
        let uri = Uri::from_static(uri);
        split_sign_in(&uri).map(|(token, location)| (token.to_owned(), location))
    }

    #[test]
    fn the_token_leaves_the_link_and_the_rest_stays() {
        let both = |token: &str, location: &str| Some((token.to_owned(), location.to_owned()));
        assert_eq!(split("/?sign_in=abc"), both("abc", "./"));
        assert_eq!(split("/index.html?ui=a&sign_in=abc&b=1"), both("abc", "./index.html?ui=a&b=1"));
        assert_eq!(escaped("./?a=\"><b>&'"), "./?a=&quot;&gt;&lt;b&gt;&amp;'");
        assert_eq!(split("/app/?ui=a"), None);
        assert_eq!(split("/"), None);
    }
}
