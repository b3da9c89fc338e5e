//! Requirements that the operating system provides: found first, and installed if that is safe.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

use crate::command::{self, Failure, Result};

/// How to check that a requirement is met.
enum Probe {
    /// A program on PATH.
    Program(&'static str),
    /// A library that pkg-config finds.
    Library(&'static str),
    /// A Python module.
    Python(&'static str),
    /// A module of the system's Python, which may not be the first one on PATH.
    SystemPython(&'static str),
}

/// A requirement that the operating system provides, and the packages that contain it.
pub(crate) struct Need {
    probe: Probe,
    why: &'static str,
    debian: &'static str,
    /// Package names for dnf, pacman and zypper; empty if the name is not known.
    others: [&'static str; 3],
}

/// Requirements for building and running the desktop application.
pub(crate) const DESKTOP: &[Need] = &[
    Need {
        probe: Probe::Program("cc"),
        why: "links programs",
        debian: "gcc libc6-dev",
        others: ["gcc", "gcc", "gcc"],
    },
    Need {
        probe: Probe::Program("pkg-config"),
        why: "finds the libraries below",
        debian: "pkg-config",
        others: ["pkgconf-pkg-config", "pkgconf", "pkg-config"],
    },
    Need {
        probe: Probe::Library("webkit2gtk-4.1"),
        why: "draws the window's page",
        debian: "libwebkit2gtk-4.1-dev",
        others: ["webkit2gtk4.1-devel", "webkit2gtk-4.1", "webkit2gtk3-devel"],
    },
];

/// Requirements for showing windows on a virtual display and taking pictures of them.
pub(crate) const SCREEN: &[Need] = &[
    Need {
        probe: Probe::Program("Xvfb"),
        why: "a display without a screen",
        debian: "xvfb",
        others: ["xorg-x11-server-Xvfb", "xorg-server-xvfb", "xorg-x11-server-Xvfb"],
    },
    Need {
        probe: Probe::Program("openbox"),
        why: "a window manager for that display",
        debian: "openbox",
        others: ["openbox", "openbox", "openbox"],
    },
    Need {
        probe: Probe::Program("weston"),
        why: "the same for Wayland",
        debian: "weston",
        others: ["weston", "weston", "weston"],
    },
    Need {
        probe: Probe::Program("xcompmgr"),
        why: "lets windows be seen through others",
        debian: "xcompmgr",
        others: ["xcompmgr", "xcompmgr", "xcompmgr"],
    },
    Need {
        probe: Probe::Program("wmctrl"),
        why: "closes a window as a user does",
        debian: "wmctrl",
        others: ["wmctrl", "wmctrl", "wmctrl"],
    },
    Need {
        probe: Probe::Program("xprop"),
        why: "reads how windows are",
        debian: "x11-utils",
        others: ["xprop xwininfo", "xorg-xprop xorg-xwininfo", "xprop xwininfo"],
    },
    Need {
        probe: Probe::Program("xdotool"),
        why: "finds windows and presses keys",
        debian: "xdotool",
        others: ["xdotool", "xdotool", "xdotool"],
    },
    Need {
        probe: Probe::Program("import"),
        why: "takes a picture of a window",
        debian: "imagemagick",
        others: ["ImageMagick", "imagemagick", "ImageMagick"],
    },
];

/// Requirements for driving the page in a window and in a browser.
pub(crate) const DRIVERS: &[Need] = &[
    Need {
        probe: Probe::Program("WebKitWebDriver"),
        why: "drives the page in the window",
        debian: "webkit2gtk-driver",
        others: ["", "webkit2gtk-4.1", ""],
    },
    Need {
        probe: Probe::Program("pip3"),
        why: "fetches trame's page and widgets, which the tests show",
        debian: "python3-pip",
        others: ["python3-pip", "python-pip", "python3-pip"],
    },
    Need {
        probe: Probe::Program("chromium"),
        why: "the browser that the tests use",
        debian: "chromium",
        others: ["chromium", "chromium", "chromium"],
    },
    Need {
        probe: Probe::Program("chromedriver"),
        why: "drives the page in the browser",
        debian: "chromium-driver",
        others: ["chromedriver", "chromium", "chromedriver"],
    },
];

/// Requirements for the configurations of the guide to deployment.
pub(crate) const PROXIES: &[Need] = &[
    Need {
        probe: Probe::Program("nginx"),
        why: "stands in front of servers",
        debian: "nginx",
        others: ["nginx", "nginx", "nginx"],
    },
    Need {
        probe: Probe::Program("haproxy"),
        why: "stands in front of servers",
        debian: "haproxy",
        others: ["haproxy", "haproxy", "haproxy"],
    },
    Need {
        probe: Probe::Program("caddy"),
        why: "stands in front of servers",
        debian: "caddy",
        others: ["caddy", "caddy", "caddy"],
    },
];

/// Requirements for rooms over several machines.
pub(crate) const REDIS: &[Need] = &[Need {
    probe: Probe::Program("redis-server"),
    why: "the store that the nodes of a cluster share",
    debian: "redis-server",
    others: ["redis", "redis", "redis"],
}];

/// Requirements for running other implementations of WebSockets.
pub(crate) const PEERS: &[Need] = &[
    Need {
        probe: Probe::Program("python3"),
        why: "runs WebSocket peers",
        debian: "python3",
        others: ["python3", "python", "python3"],
    },
    // Debian's Python lacks `ensurepip` without this package, and an environment needs it.
    Need {
        probe: Probe::Python("ensurepip"),
        why: "makes the environment of WebSocket peers",
        debian: "python3-venv",
        others: ["python3", "python", "python3"],
    },
];

/// Requirements for windows of Python programs, beside those of our own.
pub(crate) const PYTHON_WINDOWS: &[Need] = &[Need {
    probe: Probe::SystemPython("gi"),
    why: "shows windows of Python programs",
    debian: "python3-gi",
    others: ["python3-gobject", "python-gobject", "python3-gobject"],
}];

/// Requirements for checking packages, and for making a clean system to install one in.
#[cfg(target_os = "linux")]
pub(crate) const INSTALLERS: &[Need] = &[
    Need {
        probe: Probe::Program("debootstrap"),
        why: "makes a clean system to install the package in",
        debian: "debootstrap",
        others: ["debootstrap", "debootstrap", "debootstrap"],
    },
    Need {
        probe: Probe::Program("lintian"),
        why: "finds mistakes in Debian packages",
        debian: "lintian",
        others: ["", "", ""],
    },
    Need {
        probe: Probe::Program("desktop-file-validate"),
        why: "checks desktop entries",
        debian: "desktop-file-utils",
        others: ["desktop-file-utils", "desktop-file-utils", "desktop-file-utils"],
    },
    Need {
        probe: Probe::Program("appstreamcli"),
        why: "checks what software centers show",
        debian: "appstream",
        others: ["appstream", "appstream", "AppStream"],
    },
    Need {
        probe: Probe::Program("rpm"),
        why: "reads RPM packages",
        debian: "rpm",
        others: ["rpm", "rpm-tools", "rpm"],
    },
];

/// Installs what is missing on Debian and its derivatives; elsewhere the error names what to
/// install.
///
/// Outside Linux there is nothing to install: the linker that built this program also links a
/// window, and the web view is part of the system except on old versions of Windows.
pub(crate) fn ensure(needs: &[Need]) -> Result {
    if cfg!(windows) {
        println!(
            "A window needs the WebView2 runtime. Windows 11 has it; for Windows 10, install the \
             \"Evergreen Bootstrapper\" from Microsoft's WebView2 page if the window does not open."
        );
    }
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing on this system:");
    for need in &missing {
        println!("  {:<24} {}", need.debian, need.why);
    }
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&system) {
        return Err(Failure::new(advice(&system, &missing)));
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.debian.split(' ')).collect();
    if !is_agreed() {
        let line = packages.join(" ");
        return Err(Failure::new(format!("run `apt-get install {line}` as root and try again")));
    }
    install(&packages)?;
    match self::missing(needs).first() {
        None => Ok(()),
        Some(need) => Err(Failure::new(format!(
            "the package {} is installed and yet {} is not found",
            need.debian,
            need.name()
        ))),
    }
}

impl Need {
    fn name(&self) -> &'static str {
        match self.probe {
            Probe::Program(name)
            | Probe::Library(name)
            | Probe::Python(name)
            | Probe::SystemPython(name) => name,
        }
    }

    fn is_there(&self) -> bool {
        match self.probe {
            Probe::Program(name) => command::on_path(name),
            Probe::Python(name) => can_import("python3", name),
            Probe::SystemPython(name) => can_import("/usr/bin/python3", name),
            Probe::Library(name) => {
                command::output(command::new("pkg-config").args(["--exists", name]))
                    .is_ok_and(|output| output.status.success())
            }
        }
    }
}

fn can_import(python: &str, module: &str) -> bool {
    let mut python = command::new(python);
    command::output(python.args(["-c", &format!("import {module}")]))
        .is_ok_and(|output| output.status.success())
}

fn missing(needs: &[Need]) -> Vec<&Need> {
    needs.iter().filter(|need| !need.is_there()).collect()
}

/// Asks in a terminal whether the packages may be installed; Enter means yes. Without a terminal,
/// such as in CI, they may.
fn is_agreed() -> bool {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return true;
    }
    print!("Install them with apt-get? [Y/n] ");
    let mut answer = String::new();
    let read = io::stdout().flush().and_then(|()| io::stdin().read_line(&mut answer));
    read.is_ok_and(|length| length > 0) && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

fn install(packages: &[&str]) -> Result {
    println!("Installing: {}", packages.join(" "));
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments)
}

fn apt_get(arguments: &[&str]) -> Result {
    let mut apt = if is_root() {
        command::new("env")
    } else if command::on_path("sudo") {
        let mut sudo = command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        return Err(Failure::new(format!(
            "this needs root, and there is no sudo: run `apt-get {}` as root",
            arguments.join(" ")
        )));
    };
    apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]);
    command::run(apt.args(arguments))
}

fn is_root() -> bool {
    command::output(command::new("id").arg("-u")).is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// Returns whether apt-get and Debian's package names apply here.
fn is_debian(os_release: &str) -> bool {
    Path::new("/usr/bin/apt-get").exists() && names(os_release, &["debian", "ubuntu"])
}

/// Returns whether the system, or one that it derives from, has one of these names.
fn names(os_release: &str, wanted: &[&str]) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split(' '))
        .any(|name| wanted.contains(&name))
}

/// Returns the command to type, or at least what to look for, if this program does not install
/// packages.
fn advice(os_release: &str, missing: &[&Need]) -> String {
    let managers = [
        ("sudo dnf install", ["fedora", "rhel"].as_slice()),
        ("sudo pacman -S --needed", &["arch"]),
        ("sudo zypper install", &["suse", "opensuse"]),
    ];
    let programs: Vec<_> = missing.iter().map(|need| need.name()).collect();
    let unknown = format!("install what provides {} and try again", programs.join(", "));
    let Some(at) = managers.iter().position(|(_, ids)| names(os_release, ids)) else {
        return unknown;
    };
    let mut packages: Vec<_> = missing.iter().map(|need| need.others[at]).collect();
    packages.dedup();
    match packages.contains(&"") {
        true => unknown,
        false => format!("run `{} {}` and try again", managers[at].0, packages.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(os_release: &str, expected: &str) {
        assert_eq!(advice(os_release, &DESKTOP.iter().skip(1).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn each_linux_family_gets_its_own_package_names() {
        check(
            "NAME=\"Fedora Linux\"\nID=fedora\n",
            "run `sudo dnf install pkgconf-pkg-config webkit2gtk4.1-devel` and try again",
        );
        check(
            "ID=endeavouros\nID_LIKE=\"arch\"\n",
            "run `sudo pacman -S --needed pkgconf webkit2gtk-4.1` and try again",
        );
        check(
            "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n",
            "run `sudo zypper install pkg-config webkit2gtk3-devel` and try again",
        );
        check("ID=nixos\n", "install what provides pkg-config, webkit2gtk-4.1 and try again");
    }

    #[test]
    fn enter_means_yes_and_anything_else_means_no() {
        for (answer, agreed) in
            [("\n", true), ("Y\n", true), ("yes\n", true), ("n\n", false), ("what?\n", false)]
        {
            assert_eq!(is_yes(answer), agreed, "{answer}");
        }
    }

    #[test]
    fn a_package_whose_name_is_unknown_is_not_left_out_in_silence() {
        let driver = [&DRIVERS[0]];
        assert_eq!(
            advice("ID=fedora\n", &driver),
            "install what provides WebKitWebDriver and try again"
        );
    }
}
