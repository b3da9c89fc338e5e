//! Modules: client code and assets that a widget library brings along.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

/// What a widget library needs in the page.
///
/// The names are trame's. Prefixes under which folders are served carry a version by convention, so that caches notice
/// an update: `__charts_1.2`.
///
/// ```no_run
/// use selvedge::{Module, Server};
///
/// let server = Server::new("doc");
/// server.enable_module(Module {
///     name: "charts".into(),
///     serve: [("__charts_1.2".into(), "assets/charts".into())].into(),
///     scripts: vec!["__charts_1.2/charts.js".into()],
///     vue_use: vec!["charts".into()],
///     ..Module::default()
/// })?;
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Module {
    /// For error messages.
    pub name: String,
    /// Folders to serve, by the first part of their URL.
    pub serve: BTreeMap<String, PathBuf>,
    /// A folder that takes the place of the built-in page. The last module that brings one wins.
    pub www: Option<PathBuf>,
    /// URLs of classic scripts, relative to the page.
    pub scripts: Vec<String>,
    /// URLs of ES modules.
    pub module_scripts: Vec<String>,
    /// URLs of style sheets.
    pub styles: Vec<String>,
    /// Vue plugins to install.
    pub vue_use: Vec<VueUse>,
    /// State that the library starts with.
    pub state: BTreeMap<String, Value>,
}

impl Module {
    /// Makes sure that everything the module serves is there.
    pub(super) fn check_paths(&self) -> Result<()> {
        let missing = self
            .serve
            .values()
            .chain(&self.www)
            .find(|path| !path.is_dir());
        match missing {
            Some(path) => Err(Error::ModulePath {
                module: self.name.clone(),
                path: path.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// A Vue plugin: a JavaScript expression for it, and options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VueUse {
    /// A plugin without options.
    Plugin(String),
    /// A plugin with options. Options of several modules for the same plugin are merged, the later ones win.
    With(String, Value),
}

impl From<&str> for VueUse {
    fn from(plugin: &str) -> Self {
        VueUse::Plugin(plugin.to_owned())
    }
}

/// The modules of one server, merged.
#[derive(Default)]
pub(crate) struct Modules {
    enabled: Vec<Module>,
    vue_use: IndexMap<String, Option<Value>>,
    /// Served folders by URL prefix.
    serve: HashMap<String, PathBuf>,
    /// What takes the place of the built-in page.
    www: Option<PathBuf>,
}

impl Modules {
    /// Adds a module, unless an equal one is there.
    pub(super) fn add(&mut self, module: &Module) -> bool {
        if self.enabled.contains(module) {
            return false;
        }
        self.enabled.push(module.clone());
        self.serve.extend(module.serve.clone());
        if module.www.is_some() {
            self.www.clone_from(&module.www);
        }
        for plugin in &module.vue_use {
            let (name, options) = match plugin {
                VueUse::Plugin(name) => (name, None),
                VueUse::With(name, options) => (name, Some(options)),
            };
            let known = self.vue_use.entry(name.clone()).or_default();
            match (known.as_mut(), options) {
                (Some(known), Some(options)) => merge(known, options),
                (None, Some(options)) => *known = Some(options.clone()),
                (_, None) => {}
            }
        }
        true
    }

    /// The folder that serves a path, and the path inside of it. The longest prefix wins; the root is the last one asked.
    pub(crate) fn folder_of(&self, path: &str) -> Option<(PathBuf, String)> {
        let beneath = |prefix: &str| {
            let rest = path.strip_prefix(prefix)?.strip_prefix('/');
            rest.map(|rest| rest.trim_end_matches('/').to_owned())
        };
        let served = self.serve.iter().filter_map(|(prefix, folder)| {
            let prefix = prefix.trim_matches('/');
            Some((prefix.len(), folder, beneath(prefix)?))
        });
        match served.max_by_key(|(length, ..)| *length) {
            Some((_, folder, rest)) => Some((folder.clone(), rest)),
            None => self
                .www
                .clone()
                .map(|www| (www, path.trim_end_matches('/').to_owned())),
        }
    }

    /// All plugins, each once, in the order in which they were first named.
    pub(super) fn vue_use(&self) -> Vec<VueUse> {
        self.vue_use
            .iter()
            .map(|(name, options)| match options {
                None => VueUse::Plugin(name.clone()),
                Some(options) => VueUse::With(name.clone(), options.clone()),
            })
            .collect()
    }
}

/// Merges maps into maps; anything else takes the place of what was there.
fn merge(known: &mut Value, later: &Value) {
    match (known, later) {
        (Value::Object(known), Value::Object(later)) => {
            for (key, value) in later {
                merge(known.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (known, later) => *known = later.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn module(vue_use: Value) -> Module {
        serde_json::from_value(json!({ "vue_use": vue_use })).unwrap()
    }

    #[test]
    fn plugins_appear_once_with_their_options_merged() {
        let mut modules = Modules::default();
        assert!(modules.add(&module(json!(["a", ["b", {"x": {"y": 1}}]]))));
        assert!(modules.add(&module(
            json!([["a", {"k": 1}], ["b", {"x": {"z": 2}}], "c"])
        )));
        assert_eq!(
            serde_json::to_value(modules.vue_use()).unwrap(),
            json!([["a", {"k": 1}], ["b", {"x": {"y": 1, "z": 2}}], "c"])
        );
    }

    #[test]
    fn the_longest_prefix_serves_a_path() {
        let folder = |name: &str| PathBuf::from(name);
        let serve = [("a", "one"), ("a/b", "two"), ("/c/", "three")];
        let serve = serve
            .map(|(prefix, name)| (prefix.to_owned(), folder(name)))
            .into();
        let mut modules = Modules::default();
        modules.add(&Module {
            serve,
            ..Module::default()
        });
        let root = Module {
            www: Some(folder("root")),
            ..Module::default()
        };
        let found = |path| modules.folder_of(path);
        assert_eq!(found("a/x.js"), Some((folder("one"), "x.js".to_owned())));
        assert_eq!(found("a/b/x.js"), Some((folder("two"), "x.js".to_owned())));
        assert_eq!(found("a/bc"), Some((folder("one"), "bc".to_owned())));
        assert_eq!(found("c/x"), Some((folder("three"), "x".to_owned())));
        assert_eq!(found("ab/x"), None);
        modules.add(&root);
        let index = modules.folder_of("index.html");
        assert_eq!(index, Some((folder("root"), "index.html".to_owned())));
    }

    #[test]
    fn an_equal_module_is_added_once() {
        let mut modules = Modules::default();
        assert!(modules.add(&module(json!(["a"]))));
        assert!(!modules.add(&module(json!(["a"]))));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let serve = [("x".to_owned(), PathBuf::from("no/such/folder"))].into();
        let module = Module {
            name: "charts".to_owned(),
            serve,
            ..Module::default()
        };
        let text = module.check_paths().unwrap_err().to_string();
        assert!(
            text.contains("`charts`") && text.contains("no/such/folder"),
            "{text}"
        );
    }
}
