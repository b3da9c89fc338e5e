//! Access control: the secret, sign-in links and the cookie. [`Names`](super::Names) checks hosts
//! and origins.
//!
//! Every program and every web page on the machine can reach a server on loopback. Only the page
//! that it served itself and clients that have its secret get access:
//! - `Host` must be a name of this server. A page that attacks by DNS rebinding sends a foreign
//!   one.
//! - `Origin`, which browsers send with every WebSocket and POST, must be this server's. A foreign
//!   page sends its own, a sandboxed one `null`. Programs send none: they need the secret.
//! - Pages get a secret if they have the cookie and the proof, which a sign-in link provides.
//!   Cookie, proof and secret contain the user and a signature, so a user can neither change the
//!   name nor drop it. Cookies ignore ports, so the cookie's name holds the port, and every other
//!   server on the host is sent the cookie, too. The proof travels in the fragment of the URL,
//!   which is not sent to servers, and stays in the storage of the page's origin.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{
    strangers::Strangers,
    tokens::{Tokens, mac},
};
use crate::{
    Error, Result,
    hex::{hex, unhex},
    protocol::{Bearer, User},
    random::random_token,
};

/// Maximum number of open sign-in links without and with the name of a user, each; one more replaces
/// the oldest.
const MAX_SIGN_INS: [usize; 2] = [64, 1024];

/// Maximum number of open sign-in links of one user with a name.
const MAX_SIGN_INS_OF_USER: usize = 16;

/// Lifetime of a browser's cookie, renewed each time the page is opened. The cookies of all
/// programs on a host are sent to all of them, so those of programs that have ended must not pile
/// up.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Prefixes of a signed user: with a name, or with the random id of a browser. See [`random_token`]
/// for what trame's page does to other letters.
const NAMED: &str = "m";
const ANONYMOUS: &str = "g";

/// What a signed text is for, so that none can be used for another purpose.
const COOKIE: &str = "cookie ";
const SECRET: &str = "secret ";
const PROOF: &str = "proof ";

/// The credentials of one run of a server, and the sign-in links that are open.
pub(crate) struct Access {
    tokens: Tokens,
    cookie_name: String,
    /// Where sign-in links are kept, if other nodes can redeem them.
    links: Option<Arc<dyn LinkStore>>,
    sign_ins: Mutex<Vec<SignIn>>,
    /// Log lines about rejected clients.
    pub(super) strangers: Strangers,
}

/// Keeps sign-in links that several nodes can redeem.
pub(crate) trait LinkStore: Send + Sync {
    /// Keeps whom a token signs in.
    fn put(self: Arc<Self>, token: &str, invited: String, lifetime: Option<Duration>);

    /// Returns whom a token signs in, once.
    fn take(self: Arc<Self>, token: &str) -> BoxFuture<'static, Option<String>>;
}

/// The user of a sign-in link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Invited {
    /// A window of the application.
    Window,
    /// A user without a name.
    Anyone,
    /// The user with this name.
    Named(String),
}

impl Invited {
    /// Returns the user with this name.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is no name, see [`User::checked_name`].
    pub(crate) fn named(name: &str) -> Result<Self> {
        match User::checked_name(name) {
            Some(name) => Ok(Invited::Named(name.to_owned())),
            None => Err(Error::InvalidOption {
                option: "the name of a user",
                value: name.to_owned(),
                hint: "Use 1 to 256 bytes without control characters",
            }),
        }
    }
}

struct SignIn {
    token: String,
    invited: Invited,
    expires: Option<Instant>,
}

impl SignIn {
    fn is_named(&self) -> bool {
        matches!(self.invited, Invited::Named(_))
    }
}

/// Shows no token.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("cookie_name", &self.cookie_name).finish_non_exhaustive()
    }
}

impl Access {
    /// Creates the access control of the server on a port.
    pub(crate) fn new(port: u16, tokens: Tokens) -> Self {
        let cookie_name = format!("selvedge-{port}");
        let (sign_ins, strangers) = Default::default();
        Access { tokens, cookie_name, links: None, sign_ins, strangers }
    }

    /// Returns the access control of one of several nodes, which differ by their ports only.
    pub(crate) fn shared(
        tokens: Tokens,
        cookie_name: String,
        links: Option<Arc<dyn LinkStore>>,
    ) -> Self {
        Access { cookie_name, links, ..Access::new(0, tokens) }
    }

    /// Returns the secret that a client presents in its hello.
    pub(crate) fn secret_of(&self, bearer: &Bearer) -> String {
        match bearer {
            Bearer::Window => self.tokens.window_secret.clone(),
            Bearer::Program => self.tokens.secret.clone(),
            Bearer::Browser(user) => self.signed(SECRET, user),
        }
    }

    /// Returns who has a secret; `None` if it is wrong. Compares in constant time.
    pub(crate) fn bearer_of(&self, secret: &str) -> Option<Bearer> {
        let is = |own: &str| bool::from(own.as_bytes().ct_eq(secret.as_bytes()));
        match (is(&self.tokens.window_secret), is(&self.tokens.secret)) {
            (true, _) => Some(Bearer::Window),
            (_, true) => Some(Bearer::Program),
            _ => self.verified(SECRET, secret).map(Bearer::Browser),
        }
    }

    /// Returns who has the secret of a hello. Logs a wrong secret.
    pub(crate) fn greet(&self, secret: &str) -> Option<Bearer> {
        let bearer = self.bearer_of(secret);
        if bearer.is_none() {
            self.strangers.wrong_secret();
        }
        bearer
    }

    /// Logs how many lines were suppressed, at the end of the run.
    pub(crate) fn settle(&self) {
        self.strangers.settle();
    }

    /// Creates the token of a link that signs in once, and within `lifetime` if it is given.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn issue_sign_in(
        &self,
        invited: Invited,
        lifetime: Option<Duration>,
    ) -> Result<String> {
        let token = random_token()?;
        if let Some(links) = &self.links {
            let invited = serde_json::to_string(&invited).unwrap_or_default();
            Arc::clone(links).put(&token, invited, lifetime);
            return Ok(token);
        }
        let expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        let new = SignIn { token: token.clone(), invited, expires };
        let mut sign_ins = self.sign_ins.lock();
        let is_alike = |sign_in: &SignIn| sign_in.is_named() == new.is_named();
        let most = MAX_SIGN_INS[usize::from(new.is_named())];
        let oldest = sign_ins.iter().position(is_alike);
        if sign_ins.iter().filter(|sign_in| is_alike(sign_in)).count() >= most {
            oldest.map(|oldest| sign_ins.remove(oldest));
        }
        let of_user = |sign_in: &SignIn| new.is_named() && sign_in.invited == new.invited;
        if sign_ins.iter().filter(|sign_in| of_user(sign_in)).count() >= MAX_SIGN_INS_OF_USER {
            let oldest = sign_ins.iter().position(of_user);
            oldest.map(|oldest| sign_ins.remove(oldest));
        }
        sign_ins.push(new);
        Ok(token)
    }

    /// Redeems a sign-in token. Returns whom it signs in; `None` if it is not valid.
    pub(crate) async fn redeem(&self, token: &str) -> Option<Invited> {
        let Some(links) = &self.links else {
            return self.redeem_here(token);
        };
        let invited = Arc::clone(links).take(token).await?;
        serde_json::from_str(&invited).ok()
    }

    fn redeem_here(&self, token: &str) -> Option<Invited> {
        let mut sign_ins = self.sign_ins.lock();
        let now = Instant::now();
        sign_ins.retain(|sign_in| sign_in.expires.is_none_or(|expires| now < expires));
        let known = |sign_in: &SignIn| bool::from(sign_in.token.as_bytes().ct_eq(token.as_bytes()));
        let position = sign_ins.iter().position(known)?;
        Some(sign_ins.remove(position).invited)
    }

    /// Returns the `Set-Cookie` value for a client that has signed in. Browsers send a `secure`
    /// cookie over TLS only.
    ///
    /// A browser's cookie outlives the browser process, so that the browser is still signed in when
    /// it is opened again. A window signs in each time. Programs have no cookie.
    pub(crate) fn cookie_header(&self, bearer: &Bearer, secure: bool) -> Option<String> {
        let (value, lifetime) = match bearer {
            Bearer::Window => (self.tokens.window_cookie.clone(), String::new()),
            Bearer::Browser(user) => {
                let lifetime = format!("; Max-Age={}", COOKIE_LIFETIME.as_secs());
                (self.signed(COOKIE, user), lifetime)
            }
            Bearer::Program => return None,
        };
        let (name, secure) = (&self.cookie_name, if secure { "; Secure" } else { "" });
        Some(format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{lifetime}{secure}"))
    }

    /// Returns the proof that the page keeps in the storage of its origin, to show that it was
    /// signed in itself. The cookie is not enough: browsers send it to the servers on all ports of
    /// the host, and any of them could present it. Each user has a proof of their own, so that the
    /// proof of one user does not help with the cookie of another.
    pub(crate) fn proof_of(&self, bearer: &Bearer) -> String {
        match bearer {
            Bearer::Browser(user) => self.signed(PROOF, user),
            Bearer::Window | Bearer::Program => self.tokens.window_proof.clone(),
        }
    }

    /// Returns whether this is the proof of a bearer. Compares in constant time.
    pub(crate) fn verify_proof(&self, proof: &str, bearer: &Bearer) -> bool {
        self.proof_of(bearer).as_bytes().ct_eq(proof.as_bytes()).into()
    }

    /// Returns a text that says who a user is, and that only this server can have written for this
    /// purpose. It survives trame's page, which writes addresses in lower case.
    fn signed(&self, purpose: &str, user: &User) -> String {
        let kind = if user.name().is_some() { NAMED } else { ANONYMOUS };
        let text = format!("{kind}{}", hex(user.id().as_bytes()));
        let mark = self.mark_of(purpose, &text);
        format!("{text}.{mark}")
    }

    /// Returns the user whom a signed text names; `None` if this server has not written it for this
    /// purpose.
    fn verified(&self, purpose: &str, signed: &str) -> Option<User> {
        let (text, mark) = signed.split_once('.')?;
        let is_own: bool = mark.as_bytes().ct_eq(self.mark_of(purpose, text).as_bytes()).into();
        let (kind, id) = is_own.then(|| text.split_at_checked(1)).flatten()?;
        let id = String::from_utf8(unhex(id)?).ok()?;
        Some(if kind == NAMED { User::named(&id) } else { User::of_browser(&id) })
    }

    /// Returns the signature of a text for a purpose.
    fn mark_of(&self, purpose: &str, text: &str) -> String {
        let key = if purpose == SECRET { &self.tokens.page_key } else { &self.tokens.user_key };
        mac(key, &[purpose, text])
    }

    /// Returns who has the cookie of a request; `None` without a valid one.
    pub(crate) fn cookie_of(&self, headers: &HeaderMap) -> Option<Bearer> {
        let values: Vec<&str> = cookies(headers)
            .filter(|(name, _)| *name == self.cookie_name)
            .map(|(_, value)| value)
            .collect();
        let window = self.tokens.window_cookie.as_bytes();
        if values.iter().any(|value| value.as_bytes().ct_eq(window).into()) {
            return Some(Bearer::Window);
        }
        let user = values.iter().find_map(|value| self.verified(COOKIE, value));
        user.map(Bearer::Browser)
    }
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

    fn bearers() -> [Bearer; 3] {
        let users = [User::named("Ada Lovelace, λ"), User::of_browser("7f")];
        let [named, anonymous] = users.map(Bearer::Browser);
        [Bearer::Window, named, anonymous]
    }

    #[test]
    fn a_sign_in_link_works_once_and_in_time() {
        let access = access();
        let token = access.issue_sign_in(Invited::Window, None).unwrap();
        assert_eq!(access.redeem_here("something else"), None);
        assert_eq!(access.redeem_here(&token), Some(Invited::Window));
        assert_eq!(access.redeem_here(&token), None);
        let late = access.issue_sign_in(Invited::Anyone, Some(Duration::ZERO)).unwrap();
        assert_eq!(access.redeem_here(&late), None);
    }

    #[test]
    fn many_links_for_one_user_leave_those_of_others_open() {
        let access = access();
        let named = |name: &str| access.issue_sign_in(Invited::named(name).unwrap(), None).unwrap();
        let (first, other) = (named("eve"), named("ada"));
        let many: Vec<_> = (0..2000).map(|_| named("eve")).collect();
        assert_eq!(access.redeem_here(&first), None);
        assert_eq!(
            access.redeem_here(many.last().unwrap()),
            Some(Invited::Named("eve".to_owned()))
        );
        assert_eq!(access.redeem_here(&other), Some(Invited::Named("ada".to_owned())));
    }

    #[test]
    fn the_proof_of_one_user_does_not_help_with_the_cookie_of_another() {
        let access = access();
        let [window, ada, guest] = bearers();
        for (bearer, other) in [(&window, &ada), (&ada, &guest), (&guest, &window)] {
            assert!(access.verify_proof(&access.proof_of(bearer), bearer));
            assert!(!access.verify_proof(&access.proof_of(other), bearer));
            assert!(!access.verify_proof("", bearer));
        }
        assert!(!access.verify_proof(&access.secret_of(&ada), &ada));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_with_its_value() {
        let access = access();
        let headers = |value: &str| {
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(value).unwrap())])
        };
        for bearer in bearers() {
            let cookie = access.cookie_header(&bearer, false).unwrap();
            let pair = cookie.split(';').next().unwrap();
            let found = access.cookie_of(&headers(&format!("other=1; {pair}")));
            assert_eq!(found, Some(bearer));
        }
        for wrong in
            ["selvedge-4000=guess", "selvedge-4000=m61.", "selvedge-4000=.", "selvedge-4000"]
        {
            assert_eq!(access.cookie_of(&headers(wrong)), None, "{wrong}");
        }
        assert_eq!(access.cookie_of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_secret_tells_who_has_it_and_opens_no_other_server() {
        let (access, other) = (access(), access());
        for bearer in bearers().into_iter().chain([Bearer::Program]) {
            let secret = access.secret_of(&bearer);
            assert_eq!(access.bearer_of(&secret), Some(bearer));
            assert_eq!(other.bearer_of(&secret), None);
            assert_eq!(secret, secret.to_ascii_lowercase(), "trame's page writes it so");
        }
        assert_eq!(access.bearer_of("guess"), None);
    }

    #[test]
    fn with_a_fixed_secret_pages_outlive_a_restart_and_sign_ins_do_not() {
        let start = |secret: &str| {
            Access::new(4000, Tokens::random().unwrap().with_secret(Some(secret.to_owned())))
        };
        let [_, ada, _] = bearers();
        let page = start("fixed").secret_of(&ada);
        let next = start("fixed");
        assert_eq!(next.bearer_of(&page), Some(ada.clone()));
        assert_eq!(start("another").bearer_of(&page), None);
        assert!(!next.verify_proof(&start("fixed").proof_of(&ada), &ada));
    }

    #[test]
    fn what_is_signed_for_one_user_or_purpose_is_worth_nothing_for_another() {
        let access = access();
        let [secret, cookie] =
            [SECRET, COOKIE].map(|purpose| access.signed(purpose, &User::named("a")));
        assert_eq!(access.bearer_of(&cookie), None);
        assert_eq!(access.verified(COOKIE, &secret), None);
        let mark = secret.split_once('.').unwrap().1;
        for forged in ["m62", "g61", "m", "", "m6", "m6161", "x"] {
            assert_eq!(access.bearer_of(&format!("{forged}.{mark}")), None, "{forged}");
        }
    }

    #[test]
    fn secrets_differ() {
        let secrets = [(); 2].map(|()| random_token().unwrap());
        assert_ne!(secrets[0], secrets[1]);
        assert_eq!(secrets[0].len(), 65);
    }
}
