//! WebDriver: a browser, or the application's own window, under remote control.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command},
};

use fantoccini::{Client, ClientBuilder, Locator, wd::WebDriverCompatibleCommand};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::{
    program::{Traces, desktop, until, windows_of},
    support::{SECRET, free_port},
};

/// A command of the DevTools protocol, see <https://chromedevtools.github.io/devtools-protocol/>.
#[derive(Debug)]
struct DevTools(Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.0.to_string()))
    }
}

/// A driver and its session.
pub struct Driver {
    process: Child,
    pub page: Client,
    pub traces: Traces,
}

impl Driver {
    /// Starts the desktop program in its own window, driven from the inside.
    pub async fn window(args: &[&str]) -> Self {
        Self::window_of(&desktop(), &[], args).await
    }

    /// Starts any program that opens a window, driven from the inside.
    ///
    /// The driver starts the program, so a wrapper script records its process id and exit code.
    pub async fn window_of(program: &Path, environment: &[(&str, &OsStr)], args: &[&str]) -> Self {
        let traces = Traces::new();
        let script = traces.path().join("program");
        let dir = traces.path().display();
        fs::write(
            &script,
            format!(
                "#!/bin/sh\n'{}' \"$@\" >>'{dir}/log' 2>&1 &\necho $! >'{dir}/pid'\nwait $!\necho $? >'{dir}/code'\n",
                program.display()
            ),
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let args: Vec<&str> = [&["--authKey", SECRET], args].concat();
        let capabilities = json!({"webkitgtk:browserOptions": {"binary": script, "args": args}});
        let mut driver = traces.command("WebKitWebDriver".as_ref());
        driver.env("TAURI_WEBVIEW_AUTOMATION", "true").envs(environment.iter().copied());
        Self::connect(driver, "--port=", traces, capabilities).await
    }

    /// Starts headless Chromium.
    pub async fn chromium() -> Self {
        Self::chromium_with(&[]).await
    }

    /// Starts headless Chromium with flags.
    pub async fn chromium_with(flags: &[&str]) -> Self {
        let traces = Traces::new();
        let profile = format!("--user-data-dir={}", traces.path().join("profile").display());
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            // Tests have the same result with and without internet access.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            &profile,
        ];
        let args = [&args, flags].concat();
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": "/usr/bin/chromium",
                "args": args,
                "prefs": {"download.default_directory": traces.path().join("downloads")},
            },
        });
        let driver = traces.command("chromedriver".as_ref());
        Self::connect(driver, "--port=", traces, capabilities).await
    }

    async fn connect(
        mut driver: Command,
        port_flag: &str,
        traces: Traces,
        capabilities: Value,
    ) -> Self {
        let port = free_port();
        let process = driver.arg(format!("{port_flag}{port}")).spawn().unwrap();
        until("the driver", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let url = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let mut page = builder.connect(&url).await;
        if page.is_err() {
            // A driver that has just begun to listen may close its first connection.
            page = builder.connect(&url).await;
        }
        let page = page.unwrap_or_else(|error| panic!("{error}\n{}", traces.log()));
        Driver { process, page, traces }
    }

    /// Returns the process id of the desktop program.
    pub async fn program(&self) -> i32 {
        until("the program's process id", async || self.traces.number("pid")).await
    }

    /// Returns the windows of the desktop program.
    pub async fn windows(&self) -> Vec<String> {
        windows_of(self.program().await)
    }

    /// Runs JavaScript in the page.
    pub async fn js(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    /// Sends Chromium a command of its DevTools protocol, and returns the result.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let command = DevTools(json!({"cmd": command, "params": parameters}));
        self.page.issue_cmd(command).await.unwrap()
    }

    /// Waits until JavaScript in the page returns a truthy value.
    pub async fn js_until(&self, script: &str) -> Value {
        until(script, async || {
            let value = self.js(&format!("return {script}")).await;
            (!matches!(value, Value::Null | Value::Bool(false))).then_some(value)
        })
        .await
    }

    /// Returns the element with this id, once it exists.
    pub async fn element(&self, id: &str) -> fantoccini::elements::Element {
        self.page.wait().for_element(Locator::Id(id)).await.unwrap()
    }

    /// Returns the value of a field in the page.
    pub async fn value(&self, id: &str) -> f64 {
        self.js(&format!("return Number(document.getElementById('{id}').value)"))
            .await
            .as_f64()
            .unwrap()
    }

    /// Waits until the canvas shows more than one colour, and returns a sum over its pixels.
    pub async fn drawn(&self) -> f64 {
        const SUM: &str = "(() => {
            const canvas = document.querySelector('#field canvas, canvas#field');
            if (!canvas || !canvas.width) return null;
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let sum = 0, least = 255, most = 0;
            for (let i = 0; i < pixels.length; i += 4) {
                sum = (sum * 31 + pixels[i]) % 1e9;
                least = Math.min(least, pixels[i]);
                most = Math.max(most, pixels[i]);
            }
            return most > least ? sum : null;
        })()";
        self.js_until(SUM).await.as_f64().unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Its children end with the traces.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
