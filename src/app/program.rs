//! The name and identity of a program, for its users and the system, declared in one place.

use std::{borrow::Cow, sync::OnceLock};

use serde::Deserialize;

use super::Folders;
use crate::{Error, Result};

/// Maximum length in characters of a name in the default identifier.
const MAX_NAME: usize = 60;

/// Maximum length in characters of an identifier, which names folders.
const MAX_IDENTIFIER: usize = 200;

/// The declared program of this process.
static DECLARED: OnceLock<Program> = OnceLock::new();

/// A program's name, version, title, identifier and icon.
///
/// [`program!`](crate::program!) takes them from the package: `Cargo.toml` and Tauri's
/// configuration. Without that, a name is enough:
///
/// ```
/// use selvedge::run::Program;
///
/// let program = Program::new("atlas").title("Atlas").identifier("com.example.atlas").version("1.0.0");
/// assert_eq!(program.folders()?.identifier(), "com.example.atlas");
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// Desktop hosts [declare](Self::declare) the program before the application is set up. From then
/// on, servers of the process use its title, unless they set one, and its folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    version: Option<&'static str>,
    title: Option<String>,
    identifier: Option<String>,
    icon_png: Option<Cow<'static, [u8]>>,
    /// The text of Tauri's configuration, for values that are not set otherwise.
    configuration: Option<&'static str>,
}

/// The program of this package: name and version from its `Cargo.toml`, title (`productName`) and
/// identifier from its `tauri.conf.json`, and the icon `icons/icon.png`, which `cargo tauri icon`
/// creates.
///
/// All of it is embedded in the program. To use other files, write
/// `selvedge::program!("tauri.conf.json", "icons/icon.png")`, with paths relative to the folder of
/// the `Cargo.toml`.
///
/// ```ignore
/// fn main() -> std::process::ExitCode {
///     selvedge_desktop::App::new(selvedge::program!(), app).run()
/// }
/// ```
#[macro_export]
macro_rules! program {
    () => {
        $crate::run::Program::packaged(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tauri.conf.json")),
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/icon.png")),
        )
    };
    ($configuration:literal, $icon:literal) => {
        $crate::run::Program::packaged(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $configuration)),
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $icon)),
        )
    };
}

/// The parts of Tauri's configuration that a program needs at run time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    identifier: Option<String>,
    product_name: Option<String>,
}

impl Program {
    /// Creates a program with this name, which `--version` and messages show.
    pub fn new(name: impl Into<String>) -> Self {
        Program {
            name: name.into(),
            version: None,
            title: None,
            identifier: None,
            icon_png: None,
            configuration: None,
        }
    }

    /// Sets the version, for `--version` and crash reports: usually `env!("CARGO_PKG_VERSION")`.
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets the title of pages and windows that set none (`trame__title`). Default: the name.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the identifier by which the system knows the program: a reverse domain name such as
    /// `com.example.atlas`, the same as in its packages. It names the program's [`Folders`] and
    /// identifies a running instance. Default: `app.selvedge.` and the name, with `_` for
    /// everything but ASCII letters, digits and `-`.
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = Some(identifier.into());
        self
    }

    /// Sets the icon of windows without a
    /// [`WindowOptions::icon_png`](crate::window::WindowOptions::icon_png).
    pub fn icon_png(mut self, png: impl Into<Cow<'static, [u8]>>) -> Self {
        self.icon_png = Some(png.into());
        self
    }

    /// Returns a program as described by its package. See [`program!`](crate::program!).
    #[doc(hidden)]
    pub fn packaged(
        name: &str,
        version: &'static str,
        configuration: &'static str,
        icon_png: &'static [u8],
    ) -> Self {
        Program {
            configuration: Some(configuration),
            ..Program::new(name).version(version).icon_png(icon_png)
        }
    }

    /// Declares the program of this process. Returns the declared program: the first declaration
    /// wins.
    ///
    /// Desktop hosts call it. A program that runs only in browsers calls it at its start if it uses
    /// [`Server::folders`].
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the identifier is invalid or the configuration cannot be read.
    ///
    /// [`Server::folders`]: crate::Server::folders
    pub fn declare(self) -> Result<&'static Self> {
        let program = self.complete()?;
        Ok(DECLARED.get_or_init(|| program))
    }

    /// Returns the declared program of this process, or else one with the name of the server.
    pub(crate) fn of_server(name: &str) -> Self {
        DECLARED.get().cloned().unwrap_or_else(|| Program::new(name))
    }

    /// Returns the name.
    pub fn get_name(&self) -> &str {
        &self.name
    }

    /// Returns the version, if set.
    pub fn get_version(&self) -> Option<&'static str> {
        self.version
    }

    /// Returns the title.
    pub fn get_title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// Returns the identifier.
    pub fn get_identifier(&self) -> Cow<'_, str> {
        match &self.identifier {
            Some(identifier) => identifier.into(),
            None => default_identifier(&self.name).into(),
        }
    }

    /// Returns the icon, if set.
    pub fn get_icon_png(&self) -> Option<&Cow<'static, [u8]>> {
        self.icon_png.as_ref()
    }

    /// Returns the program's folders on the user's machine.
    ///
    /// # Errors
    /// [`Error::NoFolders`] if the system does not know the user's home.
    pub fn folders(&self) -> Result<Folders> {
        Folders::of(&self.get_identifier())
    }

    /// Fills in missing values from the configuration, and checks the identifier.
    fn complete(mut self) -> Result<Self> {
        if let Some(text) = self.configuration.take() {
            let invalid = |error: serde_json::Error| Error::InvalidOption {
                option: "the program's configuration",
                value: error.to_string(),
                hint: "Give a `tauri.conf.json`: JSON without comments",
            };
            let said: Configuration = serde_json::from_str(text).map_err(invalid)?;
            self.identifier = self.identifier.or(said.identifier);
            self.title = self.title.or(said.product_name);
        }
        match &self.identifier {
            Some(identifier) if !is_identifier(identifier) => Err(Error::InvalidOption {
                option: "the program's identifier",
                value: identifier.clone(),
                hint: "Give a reverse domain name such as `com.example.atlas`, of ASCII letters, digits, `-` and `_`",
            }),
            _ => Ok(self),
        }
    }
}

impl From<&str> for Program {
    fn from(name: &str) -> Self {
        Program::new(name)
    }
}

impl From<String> for Program {
    fn from(name: String) -> Self {
        Program::new(name)
    }
}

/// Returns whether the text is a reverse domain name, which can name a folder on every system.
fn is_identifier(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    text.len() <= MAX_IDENTIFIER && text.contains('.') && text.split('.').all(is_part)
}

/// Returns the default identifier. It is a valid D-Bus name: no element begins with a digit.
fn default_identifier(name: &str) -> String {
    let mut name = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    name.truncate(MAX_NAME);
    let mark = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "_" };
    format!("app.selvedge.{mark}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_makes_a_valid_identifier() {
        assert_eq!(default_identifier("heat-map"), "app.selvedge.heat-map");
        assert_eq!(default_identifier("3d.view 2/.."), "app.selvedge._3d_view_2___");
        assert!(default_identifier(&"é".repeat(500)).len() < 100);
        for name in ["heat-map", "3d.view 2/..", "", "é"] {
            assert!(is_identifier(&default_identifier(name)), "{name}");
        }
    }

    #[test]
    fn the_configuration_applies_where_the_code_says_nothing() {
        let text = r#"{"productName": "Atlas", "identifier": "com.example.atlas", "app": {}}"#;
        let packaged = |text| Program::packaged("atlas", "1.0.0", text, b"png");
        let program = packaged(text).complete().unwrap();
        assert_eq!((program.get_name(), program.get_version()), ("atlas", Some("1.0.0")));
        assert_eq!(program.get_title(), "Atlas");
        assert_eq!(program.get_identifier(), "com.example.atlas");
        let program = packaged(text).title("Maps").identifier("org.maps").complete().unwrap();
        assert_eq!((program.get_title(), &*program.get_identifier()), ("Maps", "org.maps"));
        let program = packaged("{}").complete().unwrap();
        assert_eq!(program.get_title(), "atlas");
        assert_eq!(program.get_identifier(), "app.selvedge.atlas");
    }

    #[test]
    fn an_invalid_identifier_is_refused_with_its_value() {
        for identifier in ["com.example.atlas", "org.3d_tools.a-b", "a.b"] {
            assert!(Program::new("x").identifier(identifier).complete().is_ok(), "{identifier}");
        }
        for identifier in ["", "atlas", "com..atlas", ".com", "com.", "com/example", "com.ä", ".."]
        {
            let error = Program::new("x").identifier(identifier).complete().unwrap_err();
            assert!(error.to_string().contains(&format!("`{identifier}`")), "{error}");
        }
        let long = format!("com.{}", "a".repeat(300));
        assert!(Program::new("x").identifier(long).complete().is_err());
        let program = Program::packaged("x", "1.0.0", "// no", b"png");
        let text = program.complete().unwrap_err().to_string();
        assert!(text.contains("tauri.conf.json"), "{text}");
    }
}
