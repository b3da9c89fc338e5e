//! The tokens that grant access to a server.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{Result, hex::hex, random::random_token};

/// The tokens that grant access to a server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// The secret of programs.
    pub(super) secret: String,
    /// The secret of the application's own windows, which tells them apart from browsers.
    pub(super) window_secret: String,
    pub(super) window_cookie: String,
    pub(super) window_proof: String,
    /// Signs the cookies and proofs of users. Clients never get it.
    pub(super) user_key: String,
    /// Signs the secrets of pages.
    pub(super) page_key: String,
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
            window_cookie: random_token()?,
            window_proof: random_token()?,
            user_key: random_token()?,
            page_key: random_token()?,
        })
    }

    /// Returns tokens that are the same for the same key.
    pub(crate) fn derived(key: &str) -> Self {
        let token = |name: &str| format!("k{}", mac(key, &[name]));
        Tokens {
            secret: token("secret"),
            window_secret: token("window secret"),
            window_cookie: token("window cookie"),
            window_proof: token("window proof"),
            user_key: token("user key"),
            page_key: token("page key"),
        }
    }

    /// Returns tokens by which only users are known again: programs and windows get new ones.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn of_users(self) -> Result<Self> {
        Ok(Tokens { user_key: self.user_key, ..Self::random()? })
    }

    /// Replaces the secret if one is given. With the same secret, open pages outlive a restart: they
    /// go on with the secrets that they have.
    pub(crate) fn with_secret(self, secret: Option<String>) -> Self {
        match secret {
            Some(secret) => Tokens { page_key: mac(&secret, &["pages"]), secret, ..self },
            None => self,
        }
    }
}

/// Shows no token.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<tokens>")
    }
}

/// Returns the MAC of texts under a key.
pub(crate) fn mac(key: &str, texts: &[&str]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        unreachable!("a key may have any length");
    };
    texts.iter().for_each(|text| mac.update(text.as_bytes()));
    hex(&mac.finalize().into_bytes())
}
