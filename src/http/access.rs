//! Access control: the secret, sign-in links and the cookie. [`Names`](super::Names) checks hosts
//! and origins.
//!
//! Every program and every web page on the machine can reach a server on loopback. Only the page
//! that it served itself and clients that have its secret get access:
//! - `Host` must be a name of this server. A page that attacks by DNS rebinding sends a foreign
//!   one.
//! - `Origin`, which browsers send with every WebSocket and POST, must be this server's. A foreign
//!   page sends its own, a sandboxed one `null`. Programs send none: they need the secret.
//! - Pages get the secret if they have the cookie and the proof, which a sign-in link provides.
//!   Cookies ignore ports, so the cookie's name holds the port, and every other server on the host
//!   is sent the cookie, too. The proof travels in the fragment of the URL, which is not sent to
//!   servers, and stays in the storage of the page's origin.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::strangers::Strangers;
use crate::{
    Result,
    protocol::{Kind, User},
    random::random_token,
};

/// Maximum number of open sign-in links without and with the name of a user, each; one more replaces
/// the oldest.
const MAX_SIGN_INS: [usize; 2] = [64, 1024];

/// Lifetime of a browser's cookie, renewed each time the page is opened. The cookies of all
/// programs on a host are sent to all of them, so those of programs that have ended must not pile
/// up.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Begins the text of a user's cookie: what the rest is.
const NAMED: &str = "n";
const BROWSER: &str = "b";

/// The credentials of one run of a server, and the sign-in links that are open.
pub(crate) struct Access {
    tokens: Tokens,
    cookie_name: String,
    sign_ins: Mutex<Vec<SignIn>>,
    /// Log lines about rejected clients.
    pub(super) strangers: Strangers,
}

/// The tokens that grant access to a server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// The secret of browsers and programs.
    secret: String,
    /// The secret of the application's own windows, which tells them apart from browsers.
    window_secret: String,
    cookie: String,
    window_cookie: String,
    proof: String,
    /// Signs the names of users. Clients never get it.
    user_key: String,
}

impl Tokens {
    /// Creates random tokens.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn random() -> Result<Self> {
        Ok(Tokens {
            secret: random_token()?,
            window_secret: random_token()?,
            cookie: random_token()?,
            window_cookie: random_token()?,
            proof: random_token()?,
            user_key: random_token()?,
        })
    }

    /// Replaces the secret if one is given.
    pub(crate) fn with_secret(self, secret: Option<String>) -> Self {
        Tokens { secret: secret.unwrap_or(self.secret), ..self }
    }
}

struct SignIn {
    token: String,
    kind: Kind,
    /// The name of the user whom the link signs in.
    user: Option<String>,
    expires: Option<Instant>,
}

impl Access {
    /// Creates the access control of the server on a port.
    pub(crate) fn new(port: u16, tokens: Tokens) -> Self {
        let cookie_name = format!("selvedge-{port}");
        Access { tokens, cookie_name, sign_ins: Mutex::default(), strangers: Strangers::default() }
    }

    /// Returns the tokens that grant access.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Returns the secret of clients of this kind.
    pub(crate) fn secret(&self, kind: Kind) -> &str {
        match kind {
            Kind::Window => &self.tokens.window_secret,
            Kind::Other => &self.tokens.secret,
        }
    }

    /// Returns whether this is a secret. Compares in constant time.
    pub(crate) fn verify(&self, secret: &str) -> bool {
        self.kind_of(secret).is_some()
    }

    /// Maps a secret to its client kind; `None` if the secret is wrong. Compares in constant time.
    pub(crate) fn kind_of(&self, secret: &str) -> Option<Kind> {
        let is = |kind: Kind| bool::from(self.secret(kind).as_bytes().ct_eq(secret.as_bytes()));
        match (is(Kind::Window), is(Kind::Other)) {
            (true, _) => Some(Kind::Window),
            (_, true) => Some(Kind::Other),
            _ => None,
        }
    }

    /// Maps the secret of a hello to its client kind. Logs a wrong secret.
    pub(crate) fn greet(&self, secret: &str) -> Option<Kind> {
        let kind = self.kind_of(secret);
        if kind.is_none() {
            self.strangers.wrong_secret();
        }
        kind
    }

    /// Logs how many lines were suppressed, at the end of the run.
    pub(crate) fn settle(&self) {
        self.strangers.settle();
    }

    /// Creates the token of a link that signs in one client of this kind, once, and within
    /// `lifetime` if it is given.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn issue_sign_in(
        &self,
        kind: Kind,
        user: Option<&str>,
        lifetime: Option<Duration>,
    ) -> Result<String> {
        let token = random_token()?;
        let expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        let mut sign_ins = self.sign_ins.lock();
        let is_alike = |sign_in: &SignIn| sign_in.user.is_some() == user.is_some();
        let most = MAX_SIGN_INS[usize::from(user.is_some())];
        let oldest = sign_ins.iter().position(is_alike);
        if sign_ins.iter().filter(|sign_in| is_alike(sign_in)).count() >= most {
            oldest.map(|oldest| sign_ins.remove(oldest));
        }
        let user = user.map(str::to_owned);
        sign_ins.push(SignIn { token: token.clone(), kind, user, expires });
        Ok(token)
    }

    /// Redeems a sign-in token. Returns the kind of client that it signs in, and the name of the user
    /// if there is one; `None` if it is not valid.
    pub(crate) fn redeem(&self, token: &str) -> Option<(Kind, Option<String>)> {
        let mut sign_ins = self.sign_ins.lock();
        let now = Instant::now();
        sign_ins.retain(|sign_in| sign_in.expires.is_none_or(|expires| now < expires));
        let known = |sign_in: &SignIn| bool::from(sign_in.token.as_bytes().ct_eq(token.as_bytes()));
        let position = sign_ins.iter().position(known)?;
        let SignIn { kind, user, .. } = sign_ins.remove(position);
        Some((kind, user))
    }

    /// Returns the `Set-Cookie` value for a client that has signed in. Browsers send a `secure`
    /// cookie over TLS only.
    ///
    /// A browser's cookie outlives the browser process, so that the browser is still signed in when
    /// it is opened again. A window signs in each time.
    pub(crate) fn cookie_header(&self, kind: Kind, secure: bool) -> String {
        let lifetime = (kind == Kind::Other).then_some(COOKIE_LIFETIME);
        set_cookie(&self.cookie_name, self.cookie(kind), lifetime, secure)
    }

    /// Returns the proof that the page keeps in the storage of its origin, to show that it was
    /// signed in itself. The cookie is not enough: browsers send it to the servers on all ports of
    /// the host, and any of them could present it.
    pub(crate) fn proof(&self) -> &str {
        &self.tokens.proof
    }

    /// Returns whether this is the proof. Compares in constant time.
    pub(crate) fn verify_proof(&self, proof: &str) -> bool {
        self.tokens.proof.as_bytes().ct_eq(proof.as_bytes()).into()
    }

    /// Returns the `Set-Cookie` value by which a user is known again.
    pub(crate) fn user_cookie(&self, user: &User, secure: bool) -> String {
        let kind = if user.name().is_some() { NAMED } else { BROWSER };
        let text = format!("{kind}{}", URL_SAFE_NO_PAD.encode(user.id()));
        let value = format!("{text}.{}", self.mark_of(&text));
        set_cookie(&self.user_cookie_name(), &value, Some(COOKIE_LIFETIME), secure)
    }

    fn user_cookie_name(&self) -> String {
        format!("{}-user", self.cookie_name)
    }

    /// Returns the user who sends a request; `None` if this server knows none.
    pub(crate) fn user_of(&self, headers: &HeaderMap) -> Option<User> {
        let cookie = self.user_cookie_name();
        let named = cookies(headers).filter(|(name, _)| *name == cookie);
        named.filter_map(|(_, value)| value.split_once('.')).find_map(|(text, mark)| {
            let is_own: bool = mark.as_bytes().ct_eq(self.mark_of(text).as_bytes()).into();
            let (kind, id) = is_own.then(|| text.split_at_checked(1)).flatten()?;
            let id = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
            Some(if kind == NAMED { User::named(&id) } else { User::of_browser(&id) })
        })
    }

    /// Returns what proves that this server has written a text.
    fn mark_of(&self, text: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.tokens.user_key.as_bytes()) else {
            unreachable!("a key may have any length");
        };
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    fn cookie(&self, kind: Kind) -> &str {
        match kind {
            Kind::Window => &self.tokens.window_cookie,
            Kind::Other => &self.tokens.cookie,
        }
    }

    /// Returns the client kind of a request's cookie; `None` without a valid one.
    pub(crate) fn cookie_of(&self, headers: &HeaderMap) -> Option<Kind> {
        let values: Vec<&[u8]> = cookies(headers)
            .filter(|(name, _)| *name == self.cookie_name)
            .map(|(_, value)| value.as_bytes())
            .collect();
        let is_of = |kind: &Kind| {
            let cookie = self.cookie(*kind).as_bytes();
            values.iter().any(|value| value.ct_eq(cookie).into())
        };
        [Kind::Window, Kind::Other].into_iter().find(is_of)
    }
}

/// Returns the `Set-Cookie` value of a cookie, which ends with its browser if it has no lifetime.
fn set_cookie(name: &str, value: &str, lifetime: Option<Duration>, secure: bool) -> String {
    let lifetime = lifetime.map(|time| format!("; Max-Age={}", time.as_secs())).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{lifetime}{secure}")
}

/// Returns the names and values of the cookies of a request.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn access() -> Access {
        Access::new(4000, Tokens::random().unwrap())
    }

    #[test]
    fn a_sign_in_link_works_once_and_in_time() {
        let access = access();
        let token = access.issue_sign_in(Kind::Window, None, None).unwrap();
        assert_eq!(access.redeem("something else"), None);
        assert_eq!(access.redeem(&token), Some((Kind::Window, None)));
        assert_eq!(access.redeem(&token), None);
        let late = access.issue_sign_in(Kind::Other, None, Some(Duration::ZERO)).unwrap();
        assert_eq!(access.redeem(&late), None);
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_with_its_value() {
        let access = access();
        let pair = |kind| access.cookie_header(kind, false).split(';').next().unwrap().to_owned();
        let headers = |value: &str| {
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(value).unwrap())])
        };
        for kind in [Kind::Window, Kind::Other] {
            let found = access.cookie_of(&headers(&format!("other=1; {}", pair(kind))));
            assert_eq!(found, Some(kind));
        }
        assert_eq!(access.cookie_of(&headers("selvedge-4000=guess")), None);
        assert_eq!(access.cookie_of(&headers("selvedge-4000")), None);
        assert_eq!(access.cookie_of(&HeaderMap::new()), None);
    }

    #[test]
    fn the_secret_of_a_window_is_distinguished_from_that_of_browsers() {
        let access = access();
        for kind in [Kind::Window, Kind::Other] {
            assert_eq!(access.kind_of(access.secret(kind)), Some(kind));
        }
        assert_eq!(access.kind_of("guess"), None);
    }

    #[test]
    fn secrets_differ_and_survive_the_stock_page() {
        let secrets = [(); 2].map(|()| random_token().unwrap());
        assert_ne!(secrets[0], secrets[1]);
        assert_eq!(secrets[0].len(), 65);
        assert_eq!(secrets[0].to_ascii_lowercase(), secrets[0]);
    }
}
