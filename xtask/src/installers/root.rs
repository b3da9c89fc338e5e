//! A clean system to install packages in: debootstrap makes it from the distribution that this
//! machine runs, and from the mirror that this machine's apt uses.
//!
//! Every command in it has its own mounts, which the kernel removes when the command ends: nothing
//! is ever mounted for the rest of the machine. The system is reused by the next run, unless a
//! check failed in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{self, Failure, Result},
    installers::lines,
    project,
};

/// A script that enters the root `$1` as the user `$2`, whose home is `$3`.
const ENTER: &str = "\
root=$1 user=$2 home=$3; shift 3
mount --rbind /proc \"$root/proc\" && mount --rbind /dev \"$root/dev\" || exit 70
mkdir -p -m 1777 \"$root/tmp/.X11-unix\"
if [ -d /tmp/.X11-unix ]; then mount --bind /tmp/.X11-unix \"$root/tmp/.X11-unix\" || exit 70; fi
export HOME=\"$home\" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset XDG_RUNTIME_DIR XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME XAUTHORITY DBUS_SESSION_BUS_ADDRESS
exec chroot --userspec=\"$user\" --groups= \"$root\" \"$@\"\n";

/// The user and group ids of the ordinary user who runs the program.
const VISITOR: &str = "1000:1000";
pub(crate) const VISITORS_HOME: &str = "/visitor";

/// Paths that are not compared: what the package manager owns and every installation changes, the
/// user's data, and mounts.
const NOT_COMPARED: [&str; 9] = [
    "/visitor",
    "/proc",
    "/dev",
    "/packages",
    "/tmp/.X11-unix",
    "/var/log",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/cache",
];

pub(crate) struct Root {
    folder: PathBuf,
    /// The dependencies and sources that the system was made for, as in the file beside it.
    made_for: String,
}

/// A system, or the reason why this machine cannot have one.
pub(crate) enum Found {
    Root(Root),
    Refused(String),
}

/// A package source of this machine's distribution.
struct AptSource {
    address: String,
    suite: String,
    component: String,
}

impl Root {
    /// Finds the system of an earlier run, or makes one that has these dependencies and nothing
    /// else.
    pub(crate) fn prepare(depends: &str) -> Result<Found> {
        if let Some(reason) = refusal()? {
            return Ok(Found::Refused(reason));
        }
        let (codename, sources) = sources()?;
        let Some(first) = sources.iter().find(|source| source.suite == codename) else {
            let reason = "apt has no source of this machine's distribution: run `apt-get update`";
            return Ok(Found::Refused(reason.into()));
        };
        let made_for = format!("{depends}\n{}", list(&sources));
        let root = Root { folder: project::target().join("clean-system/root"), made_for };
        fs::write(root.script(), ENTER).map_err(|error| root.failed(&error))?;
        let known = fs::read_to_string(root.stamp()).unwrap_or_default();
        // The next run makes a new system, unless this run succeeds.
        let _ = fs::remove_file(root.stamp());
        if known == root.made_for {
            if root.visitors_files().exists() {
                fs::remove_dir_all(root.visitors_files()).map_err(|error| root.failed(&error))?;
            }
            root.give_home()?;
            return Ok(Found::Root(root));
        }
        root.remove()?;
        if let Err(failure) = root.bootstrap(&codename, &first.address) {
            return Ok(Found::Refused(failure.to_string()));
        }
        root.furnish(&sources)?;
        // Only the dependencies, so that nothing of the package was ever installed here.
        command::run(root.apt_get(&["satisfy"]).arg(depends))?;
        // The program that starts a desktop entry.
        command::run(&mut root.apt_get(&["install", "libglib2.0-bin"]))?;
        Ok(Found::Root(root))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Maps a path in the system to its path on this machine.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside.trim_start_matches('/'))
    }

    /// Returns a command that runs in the system as root.
    pub(crate) fn enter(&self) -> Command {
        self.entering("0:0", "/root")
    }

    /// Returns a command that runs in the system as the ordinary user.
    pub(crate) fn enter_as_visitor(&self) -> Command {
        self.entering(VISITOR, VISITORS_HOME)
    }

    /// Returns the words that a command of the ordinary user begins with.
    pub(crate) fn entering_as_visitor(&self) -> Vec<String> {
        let command = self.enter_as_visitor();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// Returns an apt-get command in the system, without questions and without recommended
    /// packages.
    pub(crate) fn apt_get(&self, arguments: &[&str]) -> Command {
        let mut apt = self.enter();
        apt.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "-qq"])
            .args(["--no-install-recommends", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments);
        apt
    }

    /// Copies a package into the system, and returns its path there.
    pub(crate) fn receive(&self, package: &Path) -> Result<String> {
        let inside = "/packages/received.deb";
        fs::create_dir_all(self.path("/packages")).map_err(|error| self.failed(&error))?;
        fs::copy(package, self.path(inside)).map_err(|error| Failure::at(package, &error))?;
        Ok(inside.into())
    }

    /// Lists the files of the system that an installation and removal must not change.
    pub(crate) fn files(&self) -> Result<BTreeSet<String>> {
        let mut find = command::new("find");
        find.arg(&self.folder).args(["-xdev", "("]);
        for (at, folder) in NOT_COMPARED.iter().enumerate() {
            find.args((at > 0).then_some("-o")).arg("-path").arg(self.path(folder));
        }
        // Caches of icons and desktop entries may change, but keep their names.
        find.args([")", "-prune", "-o", "-printf", "/%P %y %m %u\\n"]);
        Ok(lines(&command::output(&mut find)?.stdout))
    }

    /// Marks the system as unchanged, so that the next run reuses it.
    pub(crate) fn keep_for_next_time(&self) -> Result {
        fs::write(self.stamp(), &self.made_for).map_err(|error| self.failed(&error))
    }

    fn entering(&self, user: &str, home: &str) -> Command {
        let mut command = command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh"])
            .args([&self.script(), &self.folder])
            .args([user, home]);
        command
    }

    fn script(&self) -> PathBuf {
        self.folder.with_file_name("enter")
    }

    fn bootstrap(&self, codename: &str, mirror: &str) -> Result {
        let kept = self.folder.with_file_name("archives");
        fs::create_dir_all(&kept).map_err(|error| Failure::at(&kept, &error))?;
        let mut debootstrap = command::new("debootstrap");
        let cache = format!("--cache-dir={}", kept.display());
        debootstrap.args(["--variant=minbase", &cache, codename]).arg(&self.folder).arg(mirror);
        println!("Making a clean {codename} in {}.", self.folder.display());
        let output = command::output(&mut debootstrap)?;
        let said = String::from_utf8_lossy(&output.stdout);
        match output.status.success() {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "debootstrap could not make one: {}",
                said.lines().last().unwrap_or("it said nothing")
            ))),
        }
    }

    /// Configures the system's apt like this machine's, and adds a user.
    fn furnish(&self, sources: &[AptSource]) -> Result {
        let write = |inside: &str, text: &str| {
            let path = self.path(inside);
            fs::write(&path, text).map_err(|error| Failure::at(&path, &error))
        };
        write("/etc/apt/sources.list", &list(sources))?;
        write("/etc/apt/apt.conf.d/99-as-outside", &network_settings()?)?;
        // Services do not start when they are installed.
        write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")?;
        command::run(command::new("chmod").arg("755").arg(self.path("/usr/sbin/policy-rc.d")))?;
        let add = ["useradd", "--uid", "1000", "--home-dir", VISITORS_HOME, "visitor"];
        command::run(self.enter().args(add))?;
        self.give_home()?;
        command::run(&mut self.apt_get(&["update"]))
    }

    fn give_home(&self) -> Result {
        let home = self.visitors_files();
        fs::create_dir_all(&home).map_err(|error| Failure::at(&home, &error))?;
        command::run(command::new("chown").arg(VISITOR).arg(&home))
    }

    fn visitors_files(&self) -> PathBuf {
        self.path(VISITORS_HOME)
    }

    fn stamp(&self) -> PathBuf {
        self.folder.with_file_name("made-for")
    }

    /// Removes what an earlier run has left, unless something is mounted there.
    fn remove(&self) -> Result {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        if mounts.contains(&*self.folder.to_string_lossy()) {
            let folder = self.folder.display();
            return Err(Failure::new(format!(
                "something is mounted in {folder}: unmount it first"
            )));
        }
        match self.folder.exists() {
            true => fs::remove_dir_all(&self.folder).map_err(|error| self.failed(&error)),
            false => Ok(()),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::at(&self.folder, error)
    }
}

/// Returns why this machine may not have a clean system, if so.
fn refusal() -> Result<Option<String>> {
    if command::output(command::new("id").arg("-u"))?.stdout.trim_ascii() != b"0" {
        return Ok(Some("it needs root".into()));
    }
    let scratch = project::target().join("clean-system/mounted");
    fs::create_dir_all(&scratch).map_err(|error| Failure::at(&scratch, &error))?;
    let mut attempt = command::new("unshare");
    attempt
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg("mount --rbind /proc \"$1\" && mount --rbind /dev \"$1\" && chroot / true")
        .arg("sh")
        .arg(&scratch);
    let attempt = command::output(&mut attempt)?;
    let said = String::from_utf8_lossy(&attempt.stderr);
    Ok((!attempt.status.success()).then(|| format!("mounting is refused here ({})", said.trim())))
}

/// Returns the code name of this machine's distribution, and the sources of its packages in apt.
fn sources() -> Result<(String, Vec<AptSource>)> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_lowercase()
    };
    let (distribution, codename) = (value("ID"), value("VERSION_CODENAME"));
    let mut apt = command::new("apt-get");
    let format = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
    apt.args(["indextargets", "--format", format, "Created-By: Packages"]);
    let known = command::output(&mut apt)?.stdout;
    let source = |line: &String| {
        let [origin, address, suite, component] =
            line.split('|').collect::<Vec<_>>().try_into().ok()?;
        let own = origin.to_lowercase() == distribution && suite.starts_with(&codename);
        own.then(|| AptSource {
            address: address.to_owned(),
            suite: suite.to_owned(),
            component: component.to_owned(),
        })
    };
    let found = lines(&known).iter().filter_map(source).collect();
    Ok((codename, found))
}

/// Formats sources as a `sources.list`.
fn list(sources: &[AptSource]) -> String {
    let line = |source: &AptSource| {
        format!("deb {} {} {}\n", source.address, source.suite, source.component)
    };
    sources.iter().map(line).collect()
}

/// Returns how this machine's apt reaches its sources: proxies, and the settings that check their
/// age.
fn network_settings() -> Result<String> {
    let dumped = command::output(command::new("apt-config").arg("dump"))?.stdout;
    let of_network = |line: &&str| {
        ["Acquire::http", "Acquire::https", "Acquire::Check-"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let dumped = String::from_utf8_lossy(&dumped);
    Ok(dumped.lines().filter(of_network).map(|line| format!("{line}\n")).collect())
}
