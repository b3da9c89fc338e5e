//! Keeps a window's connections to its server away from proxies.
//!
//! WebKitGTK asks the system about each connection, and the system takes proxies from the
//! environment and the settings of the desktop. Few of these except the loopback addresses.
//! WebView2 and WKWebView always do.

use std::{env, time::Duration};

use gtk::{
    gio::{self, Cancellable, prelude::*},
    glib::GString,
};
use webkit2gtk::{
    NetworkProxyMode, NetworkProxySettings, WebView, WebViewExt, WebsiteDataManagerExt,
};

/// Time limit for the system to look up its proxies, whose settings it may have to find on the
/// network.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// Hosts on this machine, which browsers except by default.
const LOOPBACK: [&str; 3] = ["127.0.0.0/8", "::1", "localhost"];
/// Schemes of pages and of what they load.
const SCHEMES: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];
/// A host that no setting names, to find the proxies for all others.
const ELSEWHERE: &str = "any-other-host.example";

/// Proxies for everything but this machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Proxies {
    by_scheme: Vec<(&'static str, String)>,
    excepted: Vec<String>,
}

impl Proxies {
    /// Returns the proxies that a window must use so that it reaches its server directly. `None` if
    /// the system connects to the server directly: then the window keeps following the system's
    /// settings, whatever they are.
    pub(crate) async fn around(origin: &str) -> Option<Self> {
        let server = origin.to_owned();
        let lookup = tokio::task::spawn_blocking(move || Self::of_the_system(&server));
        match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
            Ok(Ok(found)) => found,
            // Without proxies the server can always be reached.
            _ => {
                tracing::warn!("cannot read the proxy settings of the system: no proxy is used");
                Some(Self::default())
            }
        }
    }

    fn of_the_system(origin: &str) -> Option<Self> {
        let resolver = gio::ProxyResolver::default();
        let websocket = origin.replacen("http", "ws", 1);
        if [origin, &websocket].iter().all(|url| proxy_for(&resolver, url).is_none()) {
            return None;
        }
        let by_scheme = SCHEMES.into_iter().filter_map(|scheme| {
            Some((scheme, proxy_for(&resolver, &format!("{scheme}://{ELSEWHERE}/"))?))
        });
        let excepted = exceptions_of_environment().chain(exceptions_of_desktop());
        let loopback = LOOPBACK.map(str::to_owned);
        Some(Proxies {
            by_scheme: by_scheme.collect(),
            excepted: loopback.into_iter().chain(excepted).collect(),
        })
    }

    /// Applies the proxies to a web view. Must be called before it loads anything.
    pub(crate) fn apply(&self, view: &WebView) {
        let Some(manager) = view.website_data_manager() else { return };
        let excepted: Vec<&str> = self.excepted.iter().map(String::as_str).collect();
        let mut settings = NetworkProxySettings::new(None, &excepted);
        for (scheme, proxy) in &self.by_scheme {
            settings.add_proxy_for_scheme(scheme, proxy);
        }
        manager.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut settings));
    }
}

/// Returns the first proxy that the system names for an address; `None` if a direct connection
/// comes first.
fn proxy_for(resolver: &gio::ProxyResolver, url: &str) -> Option<String> {
    let found = resolver.lookup(url, None::<&Cancellable>).unwrap_or_default();
    found.first().filter(|proxy| !proxy.starts_with("direct:")).map(GString::to_string)
}

fn exceptions_of_environment() -> impl Iterator<Item = String> {
    let value = ["no_proxy", "NO_PROXY"].into_iter().find_map(|name| env::var(name).ok());
    hosts_of(&value.unwrap_or_default()).into_iter()
}

/// Returns the hosts in a value of `no_proxy`.
fn hosts_of(value: &str) -> Vec<String> {
    let entries = value.split(|c: char| c == ',' || c.is_whitespace());
    entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// Returns the exceptions in the settings of GNOME, if these are installed.
fn exceptions_of_desktop() -> impl Iterator<Item = String> {
    const SETTINGS: &str = "org.gnome.system.proxy";
    let known =
        gio::SettingsSchemaSource::default().is_some_and(|s| s.lookup(SETTINGS, true).is_some());
    let hosts = known.then(|| gio::Settings::new(SETTINGS).strv("ignore-hosts"));
    hosts.into_iter().flatten().map(|host| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_separated_by_commas_and_blanks() {
        assert_eq!(
            hosts_of(" a.example,.b.example  ,,10.0.0.0/8 "),
            ["a.example", ".b.example", "10.0.0.0/8"]
        );
        assert!(hosts_of("").is_empty());
    }
}
