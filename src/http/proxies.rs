//! What trusted proxies say of requests: the user, and the path under which they show the
//! application.
//!
//! What must hold: a header counts only if the connection comes from an address that the operator
//! has named; the name of a user only if the operator has also named the header, since a proxy
//! passes on headers of clients that it does not know.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::Request, http::HeaderName};
use ipnet::IpNet;

use super::application_websockets::Ends;
use crate::{Error, Result, protocol::User};

/// The header in which a proxy tells the path that it has removed from the address.
const PREFIX: &str = "x-forwarded-prefix";

/// Headers that clients send themselves, or that proxies add to what clients send. None of them names
/// a user who was authenticated.
const OF_CLIENTS: [&str; 12] = [
    "authorization",
    "cookie",
    "forwarded",
    "from",
    "host",
    "origin",
    "referer",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    PREFIX,
];

/// The proxies as the operator named them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyOptions {
    /// Addresses, and networks such as `10.0.0.0/8`.
    pub(crate) addresses: Vec<String>,
    pub(crate) user_header: Option<String>,
}

/// The proxies that a server trusts.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    networks: Vec<IpNet>,
    user_header: Option<HeaderName>,
}

impl ProxyOptions {
    /// Returns the proxies that a server trusts.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if an address or the header name is invalid, or if a user header is set
    /// without a trusted proxy or with all addresses trusted.
    pub(crate) fn parsed(&self) -> Result<Proxies> {
        let networks = self.addresses.iter().map(|given| network(given));
        let networks = networks.collect::<Result<Vec<_>>>()?;
        let user_header = self.user_header.as_deref().map(header).transpose()?;
        if let (Some(header), []) = (&user_header, &*networks) {
            return Err(Error::InvalidOption {
                option: "--user-header",
                value: header.to_string(),
                hint: "Name the proxy that sends it, too: --trusted-proxy 10.0.0.5",
            });
        }
        if let (Some(_), Some(all)) =
            (&user_header, networks.iter().find(|net| net.prefix_len() == 0))
        {
            return Err(Error::InvalidOption {
                option: "--trusted-proxy",
                value: all.to_string(),
                hint: "With --user-header, name the addresses of your proxies: from all addresses, anyone \
                       could sign in as any user",
            });
        }
        Ok(Proxies { networks, user_header })
    }
}

fn network(given: &str) -> Result<IpNet> {
    let text = given.trim();
    let network = text.parse::<IpNet>().ok();
    network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).ok_or_else(|| {
        Error::InvalidOption {
            option: "--trusted-proxy",
            value: given.to_owned(),
            hint: "Give an address or a network: 10.0.0.5 or 10.0.0.0/24",
        }
    })
}

fn header(given: &str) -> Result<HeaderName> {
    let name = given.trim().parse::<HeaderName>().ok();
    let is_free = |name: &HeaderName| !OF_CLIENTS.contains(&name.as_str());
    name.filter(is_free).ok_or_else(|| Error::InvalidOption {
        option: "--user-header",
        value: given.to_owned(),
        hint: "Use a header that only the proxy sets, such as X-Forwarded-User",
    })
}

impl Proxies {
    /// Returns the user whom a trusted proxy names in a request.
    pub(super) fn user_of(&self, request: &Request) -> Option<User> {
        let header = self.user_header.as_ref()?;
        User::checked_name(self.told(request, header.as_str())?).map(User::named)
    }

    /// Returns the path under which a trusted proxy shows the application.
    pub(super) fn prefix_of<'a>(&self, request: &'a Request) -> Option<&'a str> {
        self.told(request, PREFIX)
    }

    /// Returns the value of a header from a trusted proxy; `None` if it is missing or repeated.
    fn told<'a>(&self, request: &'a Request, header: &str) -> Option<&'a str> {
        if !self.trust(request.extensions().get::<Ends>()?.remote?) {
            return None;
        }
        let mut values = request.headers().get_all(header).iter();
        let value = std::str::from_utf8(values.next()?.as_bytes()).ok()?;
        values.next().is_none().then_some(value.trim())
    }

    fn trust(&self, peer: SocketAddr) -> bool {
        let peer = peer.ip().to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(peer: &str, headers: &[(&str, &str)]) -> Request {
        let remote = Some(SocketAddr::new(peer.parse().unwrap(), 5000));
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.extension(Ends { local: None, remote }).body(Body::empty()).unwrap()
    }

    fn proxies(user_header: Option<&str>) -> Proxies {
        let addresses = ["10.0.0.5", "fd00::/8"].map(str::to_owned).to_vec();
        ProxyOptions { addresses, user_header: user_header.map(str::to_owned) }.parsed().unwrap()
    }

    #[test]
    fn a_user_is_believed_from_a_trusted_address_and_in_the_named_header_only() {
        let proxies = proxies(Some("X-Forwarded-User"));
        let ada = [("X-Forwarded-User", "ada")];
        for trusted in ["10.0.0.5", "::ffff:10.0.0.5", "fd00::7"] {
            assert_eq!(proxies.user_of(&request(trusted, &ada)), Some(User::named("ada")));
        }
        for foreign in ["10.0.0.6", "127.0.0.1", "::1", "2001:db8::5"] {
            assert_eq!(proxies.user_of(&request(foreign, &ada)), None, "{foreign}");
        }
        for other in ["Remote-User", "X-Forwarded_User", "X-Remote-User"] {
            assert_eq!(proxies.user_of(&request("10.0.0.5", &[(other, "ada")])), None);
        }
    }

    #[test]
    fn a_header_that_is_repeated_or_no_name_is_not_believed() {
        let proxies = proxies(Some("X-Forwarded-User"));
        let of = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("x-forwarded-user", *value)).collect();
            proxies.user_of(&request("10.0.0.5", &headers))
        };
        assert_eq!(of(&["ada", "eve"]), None);
        assert_eq!(of(&[""]), None);
        assert_eq!(of(&["a\tb"]), None);
        assert_eq!(of(&[&"a".repeat(257)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_proxy_that_tells_only_the_path_cannot_be_used_to_forge_a_user() {
        let proxies = proxies(None);
        let told = [("x-forwarded-user", "ada"), ("x-forwarded-prefix", "/apps/atlas")];
        let request = request("10.0.0.5", &told);
        assert_eq!(proxies.user_of(&request), None);
        assert_eq!(proxies.prefix_of(&request), Some("/apps/atlas"));
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        let refused = |addresses: &[&str], header: Option<&str>| {
            let addresses = addresses.iter().map(|text| (*text).to_owned()).collect();
            let options = ProxyOptions { addresses, user_header: header.map(str::to_owned) };
            options.parsed().unwrap_err().to_string()
        };
        assert!(refused(&["proxy.example.com"], None).contains("10.0.0.0/24"));
        for header in ["X User", "Host", "cookie", "X-Forwarded-For", "X-Forwarded-Prefix"] {
            assert!(refused(&["10.0.0.5"], Some(header)).contains("X-Forwarded-User"), "{header}");
        }
        assert!(refused(&["0.0.0.0/0"], Some("X-Forwarded-User")).contains("anyone"));
        assert!(refused(&[], Some("X-Forwarded-User")).contains("--trusted-proxy"));
    }
}
