//! Modules: the client code and assets of widget libraries.

use std::{
    any::TypeId,
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;
use selvedge_wslink::text::similar;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result, app::Server};

/// The client code and assets of a widget library.
///
/// The field names are trame's. By convention, prefixes under which folders are served contain a
/// version, so that caches notice an update: `__charts_1.2`.
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
#[serde(default, deny_unknown_fields)]
pub struct Module {
    /// The name in error messages.
    pub name: String,
    /// Files to serve, by URL prefix.
    pub serve: BTreeMap<String, Assets>,
    /// Files that replace the built-in page. The last module that sets them wins.
    pub www: Option<Assets>,
    /// URLs of classic scripts, relative to the page.
    pub scripts: Vec<Resource>,
    /// URLs of ES modules.
    pub module_scripts: Vec<Resource>,
    /// URLs of style sheets.
    pub styles: Vec<Resource>,
    /// Vue plugins to install.
    pub vue_use: Vec<VueUse>,
    /// Initial state of the library.
    pub state: BTreeMap<String, Value>,
}

impl Module {
    /// Reads a module from a JSON file with the same field names. Folders in it are relative to the
    /// file.
    ///
    /// ```json
    /// { "name": "charts", "serve": { "__charts_1.2": "assets" }, "scripts": ["__charts_1.2/charts.js"], "vue_use": ["charts"] }
    /// ```
    ///
    /// # Errors
    /// [`Error::Manifest`] if the file cannot be read or is invalid, for instance because of an
    /// unknown field.
    pub fn from_manifest(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| Error::Manifest {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let mut module = Self::parse(path, &text)?;
        let base = path.parent().unwrap_or(Path::new(""));
        for assets in module.serve.values_mut().chain(&mut module.www) {
            if let Assets::Folder(folder) = assets {
                *folder = base.join(&folder);
            }
        }
        Ok(module)
    }

    /// Returns a module whose files are embedded in the program. See [`module!`](crate::module!).
    #[doc(hidden)]
    pub fn embedded<const N: usize>(
        path: &str,
        manifest: &str,
        serve: [(&str, Assets); N],
        www: Option<Assets>,
    ) -> Result<Self> {
        let module = Self::parse(Path::new(path), manifest)?;
        let serve = serve.map(|(prefix, assets)| (prefix.to_owned(), assets)).into();
        Ok(Module { serve, www, ..module })
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::Manifest { path: path.to_owned(), reason };
        let manifest: Value =
            serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        let known = serde_json::to_value(Module::default()).unwrap_or_default();
        let fields = |value: &Value| -> Vec<String> {
            value.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
        };
        let known = fields(&known);
        if let Some(field) = fields(&manifest).iter().find(|field| !known.contains(field)) {
            let near = similar(known.iter().map(String::as_str), field);
            let hint = match near.first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the fields are {}", known.join(", ")),
            };
            return Err(refuse(format!(
                "it has a field `{field}`, which is not a field of manifests; {hint}"
            )));
        }
        // Parse the text again: these errors contain the line.
        serde_json::from_str(text).map_err(|error| refuse(error.to_string()))
    }

    /// Checks that every served folder exists.
    pub(crate) fn check_paths(&self) -> Result<()> {
        let missing = |assets: &Assets| match assets {
            Assets::Folder(path) => (!path.is_dir()).then(|| path.clone()),
            Assets::Embedded(_) => None,
        };
        match self.serve.values().chain(&self.www).find_map(missing) {
            Some(path) => Err(Error::ModulePath { module: self.name.clone(), path }),
            None => Ok(()),
        }
    }
}

/// Files that a module serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Assets {
    /// A folder on disk.
    Folder(PathBuf),
    /// Files embedded in the program.
    #[serde(skip)]
    Embedded(EmbeddedFiles),
}

impl Assets {
    /// Creates assets from files embedded in the program, looked up by path. For a type made by the
    /// crate `rust-embed`:
    ///
    /// ```ignore
    /// Assets::embedded(|path| Files::get(path).map(|file| file.data))
    /// ```
    pub fn embedded(
        get: impl Fn(&str) -> Option<Cow<'static, [u8]>> + Send + Sync + 'static,
    ) -> Self {
        Assets::Embedded(EmbeddedFiles { get: Arc::new(get), source: None })
    }
}

impl From<&str> for Assets {
    fn from(folder: &str) -> Self {
        Assets::Folder(folder.into())
    }
}

impl From<PathBuf> for Assets {
    fn from(folder: PathBuf) -> Self {
        Assets::Folder(folder)
    }
}

/// Returns an embedded file by its path.
type GetFile = dyn Fn(&str) -> Option<Cow<'static, [u8]>> + Send + Sync;

/// Files embedded in the program, see [`Assets::embedded`].
#[derive(Clone)]
pub struct EmbeddedFiles {
    pub(crate) get: Arc<GetFile>,
    /// The folder that they come from, in development.
    #[cfg_attr(not(feature = "dev"), allow(dead_code))]
    pub(crate) source: Option<PathBuf>,
}

impl EmbeddedFiles {
    /// Returns the content of the file at this path, if there is one.
    pub(crate) fn get(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        (self.get)(path)
    }
}

/// Equal if they share the same lookup function.
impl PartialEq for EmbeddedFiles {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.get, &other.get)
    }
}

impl fmt::Debug for EmbeddedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmbeddedFiles")
    }
}

/// An addition to a server: client code and assets, and code that prepares the server for them.
///
/// A [`Module`] is an extension without code. Equal modules are added once; of any other type, only
/// the first extension is added.
pub trait Extension: 'static {
    /// Prepares the server before the module is added. It may enable other extensions.
    ///
    /// # Errors
    /// The reason why the extension cannot work. Its module is not added then.
    fn setup(&self, server: &Server) -> Result<()> {
        let _ = server;
        Ok(())
    }

    /// Returns the client code and assets.
    fn module(&self) -> Module;
}

impl Extension for Module {
    fn module(&self) -> Module {
        self.clone()
    }
}

/// A script or style sheet: its URL, relative to the page, and how to load it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Resource {
    /// Loaded in parallel with the others.
    Url(String),
    /// Loaded with options: resources with the same `{"serial": "group"}` are loaded one after
    /// another.
    With(String, Value),
}

impl From<&str> for Resource {
    fn from(url: &str) -> Self {
        Resource::Url(url.to_owned())
    }
}

/// A Vue plugin: a JavaScript expression, and its options if any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VueUse {
    /// A plugin without options.
    Plugin(String),
    /// A plugin with options. If several modules have options for the same plugin, they are merged
    /// and later ones win.
    With(String, Value),
}

impl From<&str> for VueUse {
    fn from(plugin: &str) -> Self {
        VueUse::Plugin(plugin.to_owned())
    }
}

/// The modules of one server, merged.
#[derive(Clone, Default)]
pub(crate) struct Modules {
    enabled: Vec<Module>,
    extensions: HashSet<TypeId>,
    vue_use: IndexMap<String, Option<Value>>,
    /// Served files by URL prefix.
    serve: HashMap<String, Assets>,
    /// The files that replace the built-in page.
    www: Option<Assets>,
}

impl Modules {
    /// Adds a module, unless an equal one was added before.
    pub(crate) fn add(&mut self, module: &Module) -> bool {
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

    /// Records an extension. Returns `false` if one of its type was recorded before; a [`Module`]
    /// always passes.
    pub(crate) fn add_extension(&mut self, extension: TypeId) -> bool {
        extension == TypeId::of::<Module>() || self.extensions.insert(extension)
    }

    /// Removes an extension whose setup failed, so that it can be added again.
    pub(crate) fn forget_extension(&mut self, extension: TypeId) {
        self.extensions.remove(&extension);
    }

    /// Returns the assets that serve a path, and the path within them. The longest prefix wins.
    pub(crate) fn assets_of(&self, path: &str) -> Option<(Assets, String)> {
        served_beneath(&self.serve, path)
    }

    /// Returns the folders on disk that pages load from, with their URL prefixes.
    #[cfg(feature = "dev")]
    pub(crate) fn folders(&self) -> Vec<(String, PathBuf)> {
        let root = self.www.iter().map(|www| ("", www));
        let served = self.serve.iter();
        let served = served.map(|(prefix, assets)| (prefix.as_str(), assets));
        let folders = served.chain(root).filter_map(|(prefix, assets)| match assets {
            Assets::Folder(folder) => Some((prefix.to_owned(), folder.clone())),
            Assets::Embedded(files) => Some((prefix.to_owned(), files.source.clone()?)),
        });
        folders.collect()
    }

    /// Returns the files that replace the built-in page.
    pub(crate) fn www(&self) -> Option<Assets> {
        self.www.clone()
    }

    /// Returns whether the built-in page is shown.
    pub(crate) fn page_is_built_in(&self) -> bool {
        self.www.is_none()
    }

    /// Returns all plugins, each once, in the order of their first mention.
    pub(crate) fn vue_use(&self) -> Vec<VueUse> {
        self.vue_use
            .iter()
            .map(|(name, options)| match options {
                None => VueUse::Plugin(name.clone()),
                Some(options) => VueUse::With(name.clone(), options.clone()),
            })
            .collect()
    }
}

/// Finds the entry with the longest prefix of a path. Returns it with the rest of the path.
pub(crate) fn served_beneath<'a, T: Clone + 'a>(
    served: impl IntoIterator<Item = (&'a String, &'a T)>,
    path: &str,
) -> Option<(T, String)> {
    let beneath = |prefix: &str| {
        let rest = path.strip_prefix(prefix)?.strip_prefix('/');
        rest.map(|rest| rest.trim_end_matches('/').to_owned())
    };
    let served = served.into_iter().filter_map(|(prefix, assets)| {
        let prefix = prefix.trim_matches('/');
        Some((prefix.len(), assets, beneath(prefix)?))
    });
    let (_, assets, rest) = served.max_by_key(|(length, ..)| *length)?;
    Some((assets.clone(), rest))
}

/// Merges objects recursively; any other value replaces the known one.
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
    use serde_json::json;

    use super::*;

    fn module(vue_use: Value) -> Module {
        serde_json::from_value(json!({ "vue_use": vue_use })).unwrap()
    }

    #[test]
    fn plugins_appear_once_with_their_options_merged() {
        let mut modules = Modules::default();
        assert!(modules.add(&module(json!(["a", ["b", {"x": {"y": 1}}]]))));
        assert!(modules.add(&module(json!([["a", {"k": 1}], ["b", {"x": {"z": 2}}], "c"]))));
        assert_eq!(
            serde_json::to_value(modules.vue_use()).unwrap(),
            json!([["a", {"k": 1}], ["b", {"x": {"y": 1, "z": 2}}], "c"])
        );
    }

    #[test]
    fn the_longest_prefix_serves_a_path() {
        let folder = |name: &str| Assets::from(name);
        let serve = [("a", "one"), ("a/b", "two"), ("/c/", "three")];
        let serve = serve.map(|(prefix, name)| (prefix.to_owned(), folder(name))).into();
        let mut modules = Modules::default();
        modules.add(&Module { serve, ..Module::default() });
        let root = Module { www: Some(folder("root")), ..Module::default() };
        let found = |path| modules.assets_of(path);
        assert_eq!(found("a/x.js"), Some((folder("one"), "x.js".to_owned())));
        assert_eq!(found("a/b/x.js"), Some((folder("two"), "x.js".to_owned())));
        assert_eq!(found("a/bc"), Some((folder("one"), "bc".to_owned())));
        assert_eq!(found("c/x"), Some((folder("three"), "x".to_owned())));
        assert_eq!(found("ab/x"), None);
        assert_eq!(modules.www(), None);
        modules.add(&root);
        assert_eq!(modules.www(), Some(folder("root")));
    }

    #[test]
    fn an_equal_module_is_added_once() {
        let mut modules = Modules::default();
        assert!(modules.add(&module(json!(["a"]))));
        assert!(!modules.add(&module(json!(["a"]))));
    }

    #[test]
    fn a_field_of_another_name_is_refused_with_the_nearest() {
        for (text, reason) in [
            (
                r#"{"script": ["a.js"]}"#,
                "`script`, which is not a field of manifests; did you mean `scripts`?",
            ),
            (r#"{"modul_scripts": []}"#, "did you mean `module_scripts`?"),
            (r#"{"entirely_different": 1}"#, "the fields are module_scripts, name"),
            (r#"{"scripts": "a.js"}"#, "line 1 column"),
            ("{", "line 1 column"),
        ] {
            let error = Module::parse(Path::new("charts.json"), text).unwrap_err().to_string();
            assert!(error.starts_with("charts.json is not a module manifest"), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let serve = [("x".to_owned(), "no/such/folder".into())].into();
        let module = Module { name: "charts".to_owned(), serve, ..Module::default() };
        let text = module.check_paths().unwrap_err().to_string();
        assert!(text.contains("`charts`") && text.contains("no/such/folder"), "{text}");
    }
}
