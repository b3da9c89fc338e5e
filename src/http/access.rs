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

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Sign-in links that may be open at a time; the oldest one ends when there are more.
const MAX_SIGN_INS: usize = 64;

/// The rules of one run of a server.
pub(crate) struct Access {
    tokens: Tokens,
    cookie_name: String,
    sign_ins: Mutex<Vec<SignIn>>,
}

/// What opens a server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    secret: String,
    cookie: String,
    proof: String,
}

impl Tokens {
    /// New ones, which nobody else knows.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn random() -> Result<Self> {
        Ok(Tokens { secret: random_token()?, cookie: random_token()?, proof: random_token()? })
    }

    /// The same with a secret that was given.
    pub(crate) fn with_secret(self, secret: Option<String>) -> Self {
        Tokens { secret: secret.unwrap_or(self.secret), ..self }
    }
}

struct SignIn {
    token: String,
    expires: Option<Instant>,
}

impl Access {
    /// Rules for the server on a port.
    pub(crate) fn new(port: u16, tokens: Tokens) -> Self {
        Access { tokens, cookie_name: format!("selvedge-{port}"), sign_ins: Mutex::default() }
    }

    /// What opens the server.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The secret, for the page that has the cookie.
    pub(crate) fn secret(&self) -> &str {
        &self.tokens.secret
    }

    /// Whether this is the secret, compared in constant time.
    pub(crate) fn verify(&self, secret: &str) -> bool {
        self.tokens.secret.as_bytes().ct_eq(secret.as_bytes()).into()
    }

    /// A token for a link that signs in once, before `lifetime` is over if it is given.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn issue_sign_in(&self, lifetime: Option<Duration>) -> Result<String> {
        let token = random_token()?;
        let expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        let mut sign_ins = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        if sign_ins.len() == MAX_SIGN_INS {
            sign_ins.remove(0);
        }
        sign_ins.push(SignIn { token: token.clone(), expires });
        Ok(token)
    }

    /// Uses a token up. Says whether it was good.
    pub(crate) fn redeem(&self, token: &str) -> bool {
        let mut sign_ins = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        sign_ins.retain(|sign_in| sign_in.expires.is_none_or(|expires| now < expires));
        let known = |sign_in: &SignIn| bool::from(sign_in.token.as_bytes().ct_eq(token.as_bytes()));
        match sign_ins.iter().position(known) {
            Some(position) => {
                sign_ins.remove(position);
                true
            }
            None => false,
        }
    }

    /// The cookie for those who signed in, as a header's value. One that is `secure` never leaves the browser without TLS.
    pub(crate) fn cookie_header(&self, secure: bool) -> String {
        format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict{}",
            self.cookie_name,
            self.tokens.cookie,
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

    /// Whether a request has the cookie.
    pub(crate) fn has_cookie(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| {
                name == self.cookie_name
                    && value.as_bytes().ct_eq(self.tokens.cookie.as_bytes()).into()
            })
    }
}

/// 256 random bits as text. The page of trame lower-cases it and reads numbers, booleans and lists out of it, so it has no
/// capitals and starts with a letter that starts none of these.
fn random_token() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io {
        doing: "making a secret",
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(bytes.iter().fold("k".to_owned(), |token, byte| token + &format!("{byte:02x}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::http::HeaderValue;

    use super::*;

    fn access() -> Access {
        Access::new(4000, Tokens::random().unwrap())
    }

    #[test]
    fn a_sign_in_link_works_once_and_in_time() {
        let access = access();
        let token = access.issue_sign_in(None).unwrap();
        assert!(!access.redeem("something else"));
        assert!(access.redeem(&token));
        assert!(!access.redeem(&token));
        let late = access.issue_sign_in(Some(Duration::ZERO)).unwrap();
        assert!(!access.redeem(&late));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_with_its_value() {
        let access = access();
        let pair = access.cookie_header(false).split(';').next().unwrap().to_owned();
        let headers = |value: &str| {
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(value).unwrap())])
        };
        assert!(access.has_cookie(&headers(&format!("other=1; {pair}"))));
        assert!(!access.has_cookie(&headers("selvedge-4000=guess")));
        assert!(!access.has_cookie(&headers("selvedge-4000")));
        assert!(!access.has_cookie(&HeaderMap::new()));
    }

    #[test]
    fn secrets_differ_and_survive_the_stock_page() {
        let secrets = [(); 2].map(|()| random_token().unwrap());
        assert_ne!(secrets[0], secrets[1]);
        assert_eq!(secrets[0].len(), 65);
        assert_eq!(secrets[0].to_ascii_lowercase(), secrets[0]);
    }
}
