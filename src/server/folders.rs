//! Where an application keeps its files: the folders of the platform, one of each kind for every application.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Server;
use crate::{Error, Result};

/// Characters of a name that go into an identifier.
const MAX_NAME: usize = 60;

/// The folders of an application on the user's machine. Each is created when it is asked for, for the user alone.
///
/// | | Linux | macOS | Windows |
/// | --- | --- | --- | --- |
/// | [`data`](Self::data) | `~/.local/share/ID` | `~/Library/Application Support/ID` | `%APPDATA%\\ID` |
/// | [`config`](Self::config) | `~/.config/ID` | `~/Library/Application Support/ID` | `%APPDATA%\\ID` |
/// | [`cache`](Self::cache) | `~/.cache/ID` | `~/Library/Caches/ID` | `%LOCALAPPDATA%\\ID` |
/// | [`logs`](Self::logs) | `~/.local/state/ID/logs` | `~/Library/Logs/ID` | `%LOCALAPPDATA%\\ID\\logs` |
///
/// On Linux, `XDG_DATA_HOME`, `XDG_CONFIG_HOME`, `XDG_CACHE_HOME` and `XDG_STATE_HOME` take the place of the first parts.
///
/// ```no_run
/// let server = selvedge::get_server("clock");
/// let alarms = server.folders()?.data()?.join("alarms.json");
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    identifier: String,
    data: PathBuf,
    config: PathBuf,
    cache: PathBuf,
    logs: PathBuf,
}

impl Folders {
    /// The folders of the application whose server has this name.
    ///
    /// # Errors
    /// [`Error::NoFolders`] when the system does not know the user's home.
    pub fn of(server_name: &str) -> Result<Self> {
        let identifier = identifier(server_name);
        let place = |base: Option<PathBuf>| Some(base?.join(&identifier));
        let folders = || {
            Some(Folders {
                data: place(dirs::data_dir())?,
                config: place(dirs::config_dir())?,
                cache: place(dirs::cache_dir())?,
                logs: logs(&identifier)?,
                identifier: identifier.clone(),
            })
        };
        folders().ok_or(Error::NoFolders)
    }

    /// What the folders are named after, and what the system knows the application by: `app.selvedge.` and the name of the
    /// server with `_` for everything but ASCII letters, digits and `-`, and before what is no letter at its beginning.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// For what the user would miss.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be created. The same holds for the others.
    pub fn data(&self) -> Result<PathBuf> {
        create(&self.data)
    }

    /// For settings.
    pub fn config(&self) -> Result<PathBuf> {
        create(&self.config)
    }

    /// For what can be made again. The user, or the system, may delete it at any time.
    pub fn cache(&self) -> Result<PathBuf> {
        create(&self.cache)
    }

    /// For logs and reports of crashes. A desktop host writes its own there.
    pub fn logs(&self) -> Result<PathBuf> {
        create(&self.logs)
    }
}

impl Server {
    /// The folders of the platform for the application's files.
    ///
    /// # Errors
    /// [`Error::NoFolders`] when the system does not know the user's home.
    pub fn folders(&self) -> Result<Folders> {
        Folders::of(self.name())
    }
}

/// What the system knows the application by. It has to be a D-Bus name: elements of letters, digits, `-` and `_` that do not
/// begin with a digit, 255 bytes at most.
///
/// The packages of a program have to tell the system the same one: it stands in `tauri.conf.json` as `identifier`, and is
/// the id of the AppStream metainfo.
fn identifier(server_name: &str) -> String {
    let mut name = server_name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    name.truncate(MAX_NAME);
    let mark = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "_" };
    format!("app.selvedge.{mark}{name}")
}

fn logs(identifier: &str) -> Option<PathBuf> {
    match cfg!(target_os = "macos") {
        true => Some(dirs::home_dir()?.join("Library/Logs").join(identifier)),
        // Only Linux has a place for state.
        false => {
            Some(dirs::state_dir().or_else(dirs::data_local_dir)?.join(identifier).join("logs"))
        }
    }
}

fn create(folder: &Path) -> Result<PathBuf> {
    let failed = |source: io::Error| Error::Io {
        doing: "creating a folder for the application",
        source: io::Error::new(source.kind(), format!("{}: {source}", folder.display())),
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_server_name_makes_a_valid_identifier() {
        assert_eq!(identifier("heat-map"), "app.selvedge.heat-map");
        assert_eq!(identifier("3d.view 2/.."), "app.selvedge._3d_view_2___");
        assert!(identifier(&"é".repeat(500)).len() < 100);
    }

    #[test]
    fn a_folder_is_created_when_it_is_asked_for_and_for_the_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        assert_eq!(create(&folder).unwrap(), folder);
        assert!(folder.is_dir() && create(&folder).is_ok());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
        fs::write(home.path().join("file"), "").unwrap();
        let error = create(&home.path().join("file/c")).unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }

    #[test]
    fn applications_have_folders_of_their_own() {
        let (one, other) = (Folders::of("one"), Folders::of("other"));
        if let (Ok(one), Ok(other)) = (one, other) {
            assert_ne!(one, other);
            assert_eq!(one.identifier(), "app.selvedge.one");
        }
    }
}
