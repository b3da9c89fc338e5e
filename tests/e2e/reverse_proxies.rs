//! Tests the configurations of the guide to deployment, with the real proxies and Chromium.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use selvedge::{
    Ctx, Running, Server, StartOptions,
    rooms::{Room, Rooms, Scope, User},
};
use tempfile::TempDir;

use crate::{
    driver::Driver,
    program::{signal, until, web},
    support::{free_port, options},
};

const GUIDE: &str = include_str!("../../docs/deployment.md");

const NAME: &str = "app.example.com";

/// Returns a configuration of the guide: the block with this language after this text.
fn configuration(after: &str, language: &str) -> String {
    let (_, rest) = GUIDE.split_once(after).unwrap_or_else(|| panic!("{after}"));
    let (_, block) = rest.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// A proxy in front of a server.
struct Front {
    dir: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Front {
    /// Prepares a proxy: a port, and a certificate for its name.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let (cert, key) = (cert.pem(), signing_key.serialize_pem());
        fs::write(dir.path().join("app.pem"), format!("{cert}{key}")).unwrap();
        fs::write(dir.path().join("fullchain.pem"), cert).unwrap();
        fs::write(dir.path().join("privkey.pem"), key).unwrap();
        fs::write(dir.path().join("users"), "ada:{PLAIN}lovelace\n").unwrap();
        Front { dir, port: free_port(), process: None }
    }

    fn origin(&self) -> String {
        format!("https://{NAME}:{}", self.port)
    }

    /// Returns options of a server behind this proxy.
    fn options(&self) -> StartOptions {
        options().allowed_host(format!("{NAME}:{}", self.port)).allowed_origin(self.origin())
    }

    /// Starts the application behind this proxy.
    async fn serve(&self, options: StartOptions) -> (Server, Running) {
        let server = rooms(self.dir.path());
        let options = options.serve_folder("pictures", self.dir.path());
        let running = server.spawn(options).await.unwrap();
        (server, running)
    }

    /// Opens the application under its path, as a user with a name.
    async fn signed_in_under_path(&self, server: &Server, name: &str) -> Driver {
        let driver = self.browser().await;
        let query = server.sign_in_query_for(name).unwrap();
        driver.page.goto(&format!("{}/apps/atlas/{query}", self.origin())).await.unwrap();
        driver
    }

    /// Writes a configuration with the ports and files of this test.
    fn write(&self, name: &str, configuration: &str, server: &Running) -> PathBuf {
        let file = self.dir.path().join(name);
        let configuration = configuration
            .replace("443", &self.port.to_string())
            .replace("8080", &server.port().to_string())
            .replace("/etc/ssl/app", &self.dir.path().display().to_string());
        fs::write(&file, configuration).unwrap();
        file
    }

    async fn run(&mut self, program: &str, arguments: &[&str], file: &Path) {
        let mut command = Command::new(program);
        command.args(arguments).arg(file).current_dir(self.dir.path());
        command.env("HOME", self.dir.path());
        self.process = Some(command.spawn().unwrap());
        listens(self.port).await;
    }

    async fn nginx(&mut self, site: &str, server: &Running) {
        let around = format!(
            "daemon off; user root; pid nginx.pid; error_log stderr; events {{}}\n\
             http {{ client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; \
             scgi_temp_path e;\n{site}\n}}\n"
        );
        let file = self.write("nginx.conf", &around, server);
        let here = format!("{}/", self.dir.path().display());
        self.run("nginx", &["-p", &here, "-c"], &file).await;
    }

    async fn browser(&self) -> Driver {
        let resolver = format!(
            "--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        );
        Driver::chromium_with(&["--ignore-certificate-errors", &resolver]).await
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            signal(process.id() as i32, "TERM");
            drop(process.wait());
        }
    }
}

async fn listens(port: u16) {
    until("the proxy", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        .await;
}

/// A counter for each user, with a picture from a file.
fn rooms(pictures: &Path) -> Server {
    fs::write(
        pictures.join("dot.svg"),
        "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>",
    )
    .unwrap();
    let app = |_: &Room| {
        let server = Server::new("proxied");
        server.state().set("count", 0).set("who", "");
        server.trigger("add", |cx: Ctx, user: User| {
            cx.set("who", user.name().unwrap_or("a guest"));
            cx.state().update("count", |count: &mut i64| *count += 1)
        });
        server.template(
            "main",
            "<main><button id=add @click=\"trigger('add')\">{{ who }} {{ count }}</button>
             <img id=dot src='pictures/dot.svg'></main>",
        );
        Ok(server)
    };
    Rooms::new(app).scope(Scope::User).server().unwrap()
}

async fn shows(driver: &Driver, text: &str) {
    let shown = "document.querySelector('#add')?.textContent.trim()";
    driver.js_until(&format!("{shown} === '{text}'")).await;
}

/// Uses the application in a browser that is signed in.
async fn it_works(driver: &Driver, user: &str) {
    shows(driver, "0").await;
    driver.js("document.querySelector('#add').click()").await;
    shows(driver, &format!("{user} 1")).await;
    driver.page.refresh().await.unwrap();
    shows(driver, &format!("{user} 1")).await;
    driver.js_until("document.querySelector('#dot').naturalWidth === 7").await;
}

#[tokio::test]
async fn nginx_shows_the_application_under_a_name() {
    let mut front = Front::new();
    let (_, running) = front.serve(front.options()).await;
    front.nginx(&configuration("\nnginx:\n", "nginx"), &running).await;
    let driver = front.browser().await;
    driver.page.goto(&running.public_sign_in_urls().unwrap()[0]).await.unwrap();
    it_works(&driver, "a guest").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn nginx_tells_the_users_that_it_has_authenticated() {
    let mut front = Front::new();
    let options = front.options().trusted_proxy("127.0.0.1").user_header("X-Forwarded-User");
    let (_, running) = front.serve(options).await;
    front.nginx(&configuration("\nnginx with passwords:\n", "nginx"), &running).await;
    let driver = front.browser().await;
    let with_password = front.origin().replace("https://", "https://ada:lovelace@");
    driver.page.goto(&format!("{with_password}/apps/atlas/")).await.unwrap();
    driver.page.goto(&format!("{}/apps/atlas/", front.origin())).await.unwrap();
    it_works(&driver, "ada").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn haproxy_tells_the_path_that_it_removes() {
    let mut front = Front::new();
    let (server, running) = front.serve(front.options().trusted_proxy("127.0.0.1")).await;
    let file = front.write("haproxy.cfg", &configuration("HAProxy, which", "haproxy"), &running);
    front.run("haproxy", &["-f"], &file).await;
    let driver = front.signed_in_under_path(&server, "Ada").await;
    it_works(&driver, "Ada").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn caddy_removes_the_path() {
    let mut front = Front::new();
    let (server, running) = front.serve(front.options()).await;
    let certificate = "tls fullchain.pem privkey.pem";
    let site = configuration("Caddy, which", "caddy")
        .replace(&format!("{NAME} {{"), &format!("{NAME}:443 {{\n{certificate}"));
    let around = format!("{{\nadmin off\nauto_https disable_redirects\n}}\n{site}");
    let file = front.write("Caddyfile", &around, &running);
    front.run("caddy", &["run", "--adapter", "caddyfile", "--config"], &file).await;
    let driver = front.signed_in_under_path(&server, "Ada").await;
    it_works(&driver, "Ada").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn jupyter_shows_the_application_to_its_user() {
    let Some(environment) = std::env::var_os("SELVEDGE_JUPYTER") else {
        panic!("SELVEDGE_JUPYTER is not set: run `cargo xtask test --only e2e`");
    };
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let servers = configuration("### Under Jupyter", "python")
        .replace("./app", &web().display().to_string())
        .replace("8888", &port.to_string());
    let config = dir.path().join("jupyter_server_config.py");
    let own = format!(
        "c.ServerApp.port = {port}\nc.ServerApp.open_browser = False\nc.ServerApp.allow_root = True\n\
         c.IdentityProvider.token = 'of-the-test'\n"
    );
    fs::write(&config, format!("{servers}{own}")).unwrap();
    let mut jupyter = Command::new(Path::new(&environment).join("bin/jupyter-server"));
    jupyter.arg("--config").arg(&config).current_dir(dir.path()).env("HOME", dir.path());
    let mut jupyter = jupyter.spawn().unwrap();
    listens(port).await;
    let driver = Driver::chromium().await;
    let page = format!("http://127.0.0.1:{port}/atlas/");
    driver.page.goto(&format!("{page}?token=of-the-test")).await.unwrap();
    driver.js_until("document.title.includes('Reaction')").await;
    driver.js_until("trame.state.get('running') !== undefined").await;
    driver.page.clone().close().await.unwrap();
    signal(jupyter.id() as i32, "TERM");
    jupyter.wait().unwrap();
}
