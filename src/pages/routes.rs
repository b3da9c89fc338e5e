//! Pages by path: which template a page shows for which path.
//!
//! What must hold: the path belongs to one page, not to the state, so users can be in different
//! places; pages find the most specific route without knowing the order of registration.

use std::cmp::Ordering;

use selvedge_wslink::words::{key, topic};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Failure, Result,
    app::{CANNOT, Ctx, Server},
    error::TransferError,
};

/// A route as pages read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    path: String,
    template: String,
    title: Option<String>,
}

/// A path and the template that pages show for it; see [`Server::route`].
#[derive(Clone, Debug)]
pub struct Route {
    server: Server,
    record: Record,
}

impl Route {
    /// Sets the title of the page or window while it shows this route. Parameters can be part of it:
    /// `Run {id}`. Default: the title of the application.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.record.title = Some(title.into());
        self.server.put_route(&self.record);
        self
    }
}

impl Server {
    /// Shows a template in pages whose path matches `path`. The page shows it where its main
    /// template has `<selvedge-page>`; without a template `main`, it shows nothing else.
    ///
    /// `{name}` in a path matches one segment, and `{*name}` at its end matches all that follow. Of
    /// several routes that match, the most specific one is shown: a fixed segment goes before a
    /// parameter. A route replaces an earlier one with the same path.
    ///
    /// In a template, `route` has the `path`, the `parameters` and the `query` of this page. The
    /// path is part of the fragment of the address, so it works behind any proxy, and links are
    /// plain: `<a href="#/runs/3">`. Back, forward and reload work as in any site.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server};
    ///
    /// let server = Server::new("runs");
    /// server.template("main", r##"
    ///     <nav><a href="#/">Runs</a> <a href="#/settings">Settings</a></nav>
    ///     <selvedge-page></selvedge-page>"##);
    /// server.template("runs", r##"<a v-for="run in runs" :href="'#/runs/' + run.id">{{ run.name }}</a>"##);
    /// server.template("run", "<h1>Run {{ route.parameters.id }}</h1>");
    /// server.template("settings", "<h1>Settings</h1>");
    /// server.route("/", "runs")?;
    /// server.route("/runs/{id}", "run")?.title("Run {id}");
    /// server.route("/settings", "settings")?.title("Settings");
    /// server.trigger("new_run", |cx: Ctx| -> Result<(), Failure> { cx.show_route("/runs/4") });
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the path is not valid.
    pub fn route(&self, path: &str, template: &str) -> Result<Route> {
        if let Some(hint) = fault(path) {
            return Err(Error::InvalidOption {
                option: "the path of a route",
                value: path.to_owned(),
                hint,
            });
        }
        let server = self.root_server();
        let record = Record { path: path.to_owned(), template: template.to_owned(), title: None };
        server.put_route(&record);
        Ok(Route { server, record })
    }

    fn put_route(&self, record: &Record) {
        let put = |routes: &mut Option<Vec<Record>>| {
            let routes = routes.get_or_insert_default();
            routes.retain(|route| shape(&route.path) != shape(&record.path));
            routes.push(record.clone());
            routes.sort_by(|one, other| by_specificity(&one.path, &other.path));
        };
        // Nothing but this function sets the key.
        if let Err(error) = self.state().update(key::ROUTES, put) {
            tracing::error!("the route `{}` is not shown: {error}", record.path);
        }
    }
}

impl Ctx {
    /// Shows another path in the page that caused this call, as if its user had followed a link.
    ///
    /// # Errors
    /// [`TransferError::NoPage`](crate::files::TransferError::NoPage) if no page of this library
    /// made the call, or it has disconnected.
    pub fn show_route(&self, path: &str) -> Result<(), Failure> {
        let page = self.page()?;
        if !page.knows_extras() {
            return Err(TransferError::NoPage(CANNOT).into());
        }
        self.server.root_server().publish_to(page.id, topic::ROUTE, path)?;
        Ok(())
    }
}

/// Returns what to write instead if a path is not valid.
fn fault(path: &str) -> Option<&'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Some("Begin it with a slash");
    };
    if rest.is_empty() {
        return None;
    }
    let segments: Vec<_> = rest.split('/').map(Segment::of).collect();
    let (last, before) = segments.split_last()?;
    let names: Vec<_> = segments.iter().filter_map(Segment::name).collect();
    let is_name = |name: &&str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    };
    if segments.iter().any(|segment| matches!(segment, Segment::Fixed(""))) {
        return Some("Leave out empty segments and the slash at the end");
    }
    if before.iter().any(|segment| matches!(segment, Segment::Rest(_))) {
        return Some("Only the last segment can be `{*name}`");
    }
    if !names.iter().all(is_name) {
        return Some("Name parameters with letters, digits and `_`: `{run_id}`");
    }
    if (1..names.len()).any(|at| names[..at].contains(&names[at])) {
        return Some("Give each parameter another name");
    }
    let is_plain = |segment: &Segment| match segment {
        Segment::Fixed(text) => !text.contains(['{', '}', '?', '#', '%']),
        _ => true,
    };
    match before.iter().chain([last]).all(is_plain) {
        true => None,
        false => Some(
            "A parameter is a whole segment, and `?`, `#` and `%` are not part of a path; write other letters as they are",
        ),
    }
}

/// A part of a path between slashes, in the order in which routes are tried.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Fixed(&'a str),
    One(&'a str),
    Rest(&'a str),
}

impl<'a> Segment<'a> {
    fn of(text: &'a str) -> Self {
        let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        match inside {
            Some(name) => name.strip_prefix('*').map_or(Segment::One(name), Segment::Rest),
            None => Segment::Fixed(text),
        }
    }

    fn name(&self) -> Option<&'a str> {
        match self {
            Segment::Fixed(_) => None,
            Segment::One(name) | Segment::Rest(name) => Some(name),
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = Segment<'_>> {
    path.split('/').skip(1).map(Segment::of)
}

/// Returns a path without the names of its parameters: paths of one shape match the same.
fn shape(path: &str) -> Vec<Segment<'_>> {
    let unnamed = |segment| match segment {
        Segment::One(_) => Segment::One(""),
        Segment::Rest(_) => Segment::Rest(""),
        fixed => fixed,
    };
    segments(path).map(unnamed).collect()
}

fn by_specificity(one: &str, other: &str) -> Ordering {
    shape(one).cmp(&shape(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let found = fault(path);
        match expected {
            Some(words) => assert!(found.is_some_and(|hint| hint.contains(words)), "{found:?}"),
            None => assert_eq!(found, None, "{path}"),
        }
    }

    #[test]
    fn a_path_that_no_page_can_have_is_refused() {
        for path in ["/", "/runs", "/runs/{id}", "/runs/{id}/log", "/files/{*path}", "/größe"] {
            check(path, None);
        }
        check("runs", Some("slash"));
        check("", Some("slash"));
        check("/runs/", Some("empty"));
        check("//runs", Some("empty"));
        check("/{*all}/x", Some("last"));
        check("/{run id}", Some("Name"));
        check("/{}", Some("Name"));
        check("/{a}/{a}", Some("another name"));
        check("/run-{id}", Some("whole segment"));
        check("/a?b", Some("whole segment"));
        check("/a%20b", Some("as they are"));
    }

    #[test]
    fn the_most_specific_route_comes_first_and_equal_ones_replace_each_other() {
        let server = Server::new("routes");
        for (path, template) in [
            ("/{*all}", "rest"),
            ("/runs/{id}", "run"),
            ("/{page}", "page"),
            ("/runs/new", "new"),
            ("/", "home"),
            ("/runs/{name}", "other run"),
        ] {
            server.route(path, template).unwrap();
        }
        server.route("/runs/new", "new").unwrap().title("New run");
        let routes: Vec<Record> = server.state().get(key::ROUTES).unwrap();
        let found: Vec<_> = routes.iter().map(|route| route.template.as_str()).collect();
        assert_eq!(found, ["home", "new", "other run", "page", "rest"]);
        assert_eq!(routes[1].title.as_deref(), Some("New run"));
    }
}
