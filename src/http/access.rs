//! Who is let in: the secret, sign-in links and the cookie. [`Names`](super::Names) are the other half.
//!
//! A server on loopback can be reached by every program and every web page on the machine. The page that it served
//! itself and those who hold its secret get in, nobody else:
//! - `Host` must be a name of this server. A page that tricks a browser by DNS rebinding sends a foreign one.
//! - `Origin`, which browsers send with every WebSocket and POST, must be this server's. A foreign page has a foreign one, a
//!   sandboxed one `null`. Programs send none: they need the secret.
//! - The secret is told to pages that have the cookie and the proof. Both are given to those who come by a sign-in link.
//!   Cookies ignore ports, so the cookie's name holds the port, and any other server on the host is sent the cookie, too. The
//!   proof travels in the fragment of the address, which no server is sent, and stays in the storage of the page's origin.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use serde::{Deserialize, Serialize};

use super::strangers::Strangers;
use crate::{Result, server::random_token, session::Kind};

/// Sign-in links that may be open at a time; the oldest one ends when there are more.
const MAX_SIGN_INS: usize = 64;

/// How long a browser keeps its cookie, renewed each time that the page is opened. The cookies of all programs on a host are sent to
/// all of them, so those of programs that have ended must not pile up.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// The rules of one run of a server.
pub(crate) struct Access {
    tokens: Tokens,
    cookie_name: String,
    sign_ins: Mutex<Vec<SignIn>>,
    /// What the log says of those who are not let in.
    pub(super) strangers: Strangers,
}

/// What opens a server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// For browsers and programs.
    secret: String,
    /// For the application's own windows, so that they can be told from browsers.
    window_secret: String,
    cookie: String,
    window_cookie: String,
    proof: String,
}

impl Tokens {
    /// New ones, which nobody else knows.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn random() -> Result<Self> {
        Ok(Tokens {
            secret: random_token()?,
            window_secret: random_token()?,
            cookie: random_token()?,
            window_cookie: random_token()?,
            proof: random_token()?,
        })
    }

    /// The same with a secret that was given.
    pub(crate) fn with_secret(self, secret: Option<String>) -> Self {
        Tokens { secret: secret.unwrap_or(self.secret), ..self }
    }
}

struct SignIn {
    token: String,
    kind: Kind,
    expires: Option<Instant>,
}

impl Access {
    /// Rules for the server on a port.
    pub(crate) fn new(port: u16, tokens: Tokens) -> Self {
        let cookie_name = format!("selvedge-{port}");
        Access { tokens, cookie_name, sign_ins: Mutex::default(), strangers: Strangers::default() }
    }

    /// What opens the server.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The secret, for the page that has the cookie of its kind.
    pub(crate) fn secret(&self, kind: Kind) -> &str {
        match kind {
            Kind::Window => &self.tokens.window_secret,
            Kind::Other => &self.tokens.secret,
        }
    }

    /// Whether this is a secret, compared in constant time.
    pub(crate) fn verify(&self, secret: &str) -> bool {
        self.kind_of(secret).is_some()
    }

    /// Who has this secret; nobody, if it is none. Compared in constant time.
    pub(crate) fn kind_of(&self, secret: &str) -> Option<Kind> {
        let is = |kind: Kind| bool::from(self.secret(kind).as_bytes().ct_eq(secret.as_bytes()));
        match (is(Kind::Window), is(Kind::Other)) {
            (true, _) => Some(Kind::Window),
            (_, true) => Some(Kind::Other),
            _ => None,
        }
    }

    /// Maps the secret of a hello to the kind of its client, and logs that there is none.
    pub(crate) fn greet(&self, secret: &str) -> Option<Kind> {
        let kind = self.kind_of(secret);
        if kind.is_none() {
            self.strangers.wrong_secret();
        }
        kind
    }

    /// The run has ended: logs what was left out of the log before.
    pub(crate) fn settle(&self) {
        self.strangers.settle();
    }

    /// A token for a link that signs one of a kind in once, before `lifetime` is over if it is given.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn issue_sign_in(&self, kind: Kind, lifetime: Option<Duration>) -> Result<String> {
        let token = random_token()?;
        let expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        let mut sign_ins = self.sign_ins.lock();
        if sign_ins.len() == MAX_SIGN_INS {
            sign_ins.remove(0);
        }
        sign_ins.push(SignIn { token: token.clone(), kind, expires });
        Ok(token)
    }

    /// Uses a token up. Says whom it was for, if it was good.
    pub(crate) fn redeem(&self, token: &str) -> Option<Kind> {
        let mut sign_ins = self.sign_ins.lock();
        let now = Instant::now();
        sign_ins.retain(|sign_in| sign_in.expires.is_none_or(|expires| now < expires));
        let known = |sign_in: &SignIn| bool::from(sign_in.token.as_bytes().ct_eq(token.as_bytes()));
        let position = sign_ins.iter().position(known)?;
        Some(sign_ins.remove(position).kind)
    }

    /// The cookie for those who signed in, as a header's value. One that is `secure` never leaves the browser without TLS.
    ///
    /// That of a browser outlives the browser, so that it is signed in when it is opened again. A window signs in each time.
    pub(crate) fn cookie_header(&self, kind: Kind, secure: bool) -> String {
        let lifetime = match kind {
            Kind::Window => String::new(),
            Kind::Other => format!("; Max-Age={}", COOKIE_LIFETIME.as_secs()),
        };
        format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict{lifetime}{}",
            self.cookie_name,
            self.cookie(kind),
            if secure { "; Secure" } else { "" }
        )
    }

    /// What the page keeps in the storage of its origin, to show that it was signed in itself: the cookie alone is sent to the
    /// servers on all ports of the host, and any of them could present it.
    pub(crate) fn proof(&self) -> &str {
        &self.tokens.proof
    }

    /// Whether this is the proof, compared in constant time.
    pub(crate) fn verify_proof(&self, proof: &str) -> bool {
        self.tokens.proof.as_bytes().ct_eq(proof.as_bytes()).into()
    }

    fn cookie(&self, kind: Kind) -> &str {
        match kind {
            Kind::Window => &self.tokens.window_cookie,
            Kind::Other => &self.tokens.cookie,
        }
    }

    /// Whose cookie a request has, if it has one.
    pub(crate) fn cookie_of(&self, headers: &HeaderMap) -> Option<Kind> {
        let values: Vec<&[u8]> = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
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
        let token = access.issue_sign_in(Kind::Window, None).unwrap();
        assert_eq!(access.redeem("something else"), None);
        assert_eq!(access.redeem(&token), Some(Kind::Window));
        assert_eq!(access.redeem(&token), None);
        let late = access.issue_sign_in(Kind::Other, Some(Duration::ZERO)).unwrap();
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
    fn the_secret_of_a_window_is_told_from_that_of_browsers() {
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
