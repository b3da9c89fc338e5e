//! The folders for an application's files: the platform's own, one of each kind per application.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Program, Server};
use crate::{Error, Result};

/// The folders of an application on the user's machine. Each is created on first use, accessible
/// only to the user.
///
/// | | Linux | macOS | Windows |
/// | --- | --- | --- | --- |
/// | [`data`](Self::data) | `~/.local/share/ID` | `~/Library/Application Support/ID` | `%APPDATA%\\ID` |
/// | [`config`](Self::config) | `~/.config/ID` | `~/Library/Application Support/ID` | `%APPDATA%\\ID` |
/// | [`cache`](Self::cache) | `~/.cache/ID` | `~/Library/Caches/ID` | `%LOCALAPPDATA%\\ID` |
/// | [`logs`](Self::logs) | `~/.local/state/ID/logs` | `~/Library/Logs/ID` | `%LOCALAPPDATA%\\ID\\logs` |
///
/// On Linux, `XDG_DATA_HOME`, `XDG_CONFIG_HOME`, `XDG_CACHE_HOME` and `XDG_STATE_HOME` replace the
/// first parts.
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
    /// Returns the folders of the program with this identifier.
    ///
    /// # Errors
    /// [`Error::NoFolders`] if the system does not know the user's home.
    pub(crate) fn of(identifier: &str) -> Result<Self> {
        let place = |base: Option<PathBuf>| Some(base?.join(identifier));
        let folders = || {
            Some(Folders {
                data: place(dirs::data_dir())?,
                config: place(dirs::config_dir())?,
                cache: place(dirs::cache_dir())?,
                logs: logs(identifier)?,
                identifier: identifier.to_owned(),
            })
        };
        folders().ok_or(Error::NoFolders)
    }

    /// Returns the identifier, which names the folders; see [`Program::identifier`].
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Returns the folder for data that the user would miss, and creates it.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be created.
    pub fn data(&self) -> Result<PathBuf> {
        create(&self.data)
    }

    /// Returns the folder for settings, and creates it. Fails as [`data`](Self::data) does.
    pub fn config(&self) -> Result<PathBuf> {
        create(&self.config)
    }

    /// Returns the folder for data that can be recreated, and creates it. The user or the system
    /// may delete it at any time. Fails as [`data`](Self::data) does.
    pub fn cache(&self) -> Result<PathBuf> {
        create(&self.cache)
    }

    /// Returns the folder for logs and crash reports, and creates it. A desktop host writes its own
    /// there. Fails as [`data`](Self::data) does.
    pub fn logs(&self) -> Result<PathBuf> {
        create(&self.logs)
    }
}

impl Server {
    /// Returns the platform's folders for the application's files: those of this process's
    /// [program](Program), or of a program with the server's name if none was declared.
    ///
    /// # Errors
    /// [`Error::NoFolders`] if the system does not know the user's home.
    pub fn folders(&self) -> Result<Folders> {
        Program::of_server(self.name()).folders()
    }
}

fn logs(identifier: &str) -> Option<PathBuf> {
    match cfg!(target_os = "macos") {
        true => Some(dirs::home_dir()?.join("Library/Logs").join(identifier)),
        // Only Linux has a folder for state.
        false => {
            Some(dirs::state_dir().or_else(dirs::data_local_dir)?.join(identifier).join("logs"))
        }
    }
}

fn create(folder: &Path) -> Result<PathBuf> {
    let failed = |cause: io::Error| Error::Io {
        doing: "creating a folder for the application",
        cause: io::Error::new(cause.kind(), format!("{}: {cause}", folder.display())),
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
    use super::*;

    #[test]
    fn a_folder_is_created_on_demand_and_is_private_to_the_user() {
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
        let (one, other) = (Folders::of("org.one"), Folders::of("org.other"));
        if let (Ok(one), Ok(other)) = (one, other) {
            assert_ne!(one, other);
            assert_eq!(one.identifier(), "org.one");
        }
    }
}
