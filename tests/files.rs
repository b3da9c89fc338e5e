//! Tests static files from modules.

use std::fs;

use selvedge::{Module, Running, Server, pages::VueUse};
use serde_json::json;

use crate::support::{Client, request, start};

async fn served() -> (Running, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("assets")).unwrap();
    fs::write(dir.path().join("assets/demo.js"), "let demo = 1;").unwrap();
    fs::write(dir.path().join("outside.txt"), "outside").unwrap();
    let server = Server::new("files");
    let module = Module {
        name: "demo".to_owned(),
        serve: [("__demo_1.0".to_owned(), dir.path().join("assets").into())].into(),
        scripts: vec!["__demo_1.0/demo.js".into()],
        vue_use: vec![VueUse::With("demo".to_owned(), json!({"a": 1}))],
        state: [("from_module".to_owned(), json!("hi"))].into(),
        ..Module::default()
    };
    assert!(server.enable_module(module.clone()).unwrap());
    assert!(!server.enable_module(module).unwrap(), "a module is enabled once");
    (start(&server).await, dir)
}

#[tokio::test]
async fn a_module_serves_its_files_and_announces_its_scripts() {
    let (running, _dir) = served().await;
    let answer = request(&running, "GET", "/__demo_1.0/demo.js", &[]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "let demo = 1;"));
    assert!(answer.header("content-type").contains("javascript"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let part = request(&running, "GET", "/__demo_1.0/demo.js", &[("Range", "bytes=4-7")]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "demo"));
    let head = request(&running, "HEAD", "/__demo_1.0/demo.js", &[]).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "13", 0));
    let state = Client::connect(&running).await.snapshot().await;
    assert_eq!(state["trame__scripts"], json!(["__demo_1.0/demo.js"]));
    assert_eq!(state["trame__vue_use"], json!([["demo", {"a": 1}]]));
    assert_eq!(state["from_module"], "hi");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_outside_of_the_folder_can_be_read() {
    let (running, dir) = served().await;
    #[cfg(unix)]
    std::os::unix::fs::symlink("../outside.txt", dir.path().join("assets/link.txt")).unwrap();
    for path in [
        "/__demo_1.0/../outside.txt",
        "/__demo_1.0/%2e%2e/outside.txt",
        "/__demo_1.0/..%2foutside.txt",
        "/__demo_1.0/%2e%2e%2foutside.txt",
        "/__demo_1.0/%252e%252e/outside.txt",
        "/__demo_1.0/..\\outside.txt",
        "/__demo_1.0/..%5coutside.txt",
        "/__demo_1.0/link.txt",
        "/__demo_1.0//etc/passwd",
        "/__demo_1.0/demo.js%00",
        "/../../../../etc/passwd",
        "//etc/passwd",
    ] {
        let answer = request(&running, "GET", path, &[]).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.text().contains("outside") && !answer.text().contains("root:"), "{path}");
    }
    running.stop().await.unwrap();
    drop(dir);
}

#[tokio::test]
async fn folders_methods_and_the_root_answer_as_those_of_trame() {
    let (running, _dir) = served().await;
    let status = async |method, path| request(&running, method, path, &[]).await.status;
    assert_eq!(status("GET", "/__demo_1.0/").await, 403);
    assert_eq!(status("GET", "/__demo_1.0/missing.js").await, 404);
    assert_eq!(status("DELETE", "/__demo_1.0/demo.js").await, 405);
    let root = request(&running, "GET", "/?ui=side&a=b", &[]).await;
    assert_eq!((root.status, root.header("location")), (302, "index.html?ui=side&a=b"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_module_may_bring_its_own_page() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("index.html"), "<p>mine</p>").unwrap();
    let server = Server::new("files");
    let www = Some(dir.path().to_owned().into());
    server.enable_module(Module { www, ..Module::default() }).unwrap();
    let running = start(&server).await;
    let answer = request(&running, "GET", "/index.html", &[]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "<p>mine</p>"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn files_may_be_part_of_the_program() {
    let get = |path: &str| (path == "sub/a.css").then(|| b"a {}".as_slice().into());
    let server = Server::new("files");
    let serve = [("__built_in".to_owned(), selvedge::files::Assets::embedded(get))].into();
    server.enable_module(Module { serve, ..Module::default() }).unwrap();
    let running = start(&server).await;
    let answer = request(&running, "GET", "/__built_in/sub/a.css", &[]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "a {}"));
    assert_eq!(answer.header("content-type"), "text/css");
    assert_eq!(request(&running, "GET", "/__built_in/b.css", &[]).await.status, 404);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_manifest_names_folders_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("module.json");
    fs::create_dir(dir.path().join("assets")).unwrap();
    fs::write(dir.path().join("assets/x.js"), "x").unwrap();
    let text = json!({"name": "m", "serve": {"__m": "assets"}, "vue_use": ["a", ["b", {"c": 1}]]});
    fs::write(&manifest, text.to_string()).unwrap();
    let server = Server::new("files");
    server.enable_module(Module::from_manifest(&manifest).unwrap()).unwrap();
    let running = start(&server).await;
    assert_eq!(request(&running, "GET", "/__m/x.js", &[]).await.text(), "x");
    running.stop().await.unwrap();
    fs::write(&manifest, "{").unwrap();
    let error = Module::from_manifest(&manifest).unwrap_err().to_string();
    assert!(error.contains("module.json"), "{error}");
}

#[tokio::test]
async fn an_extension_prepares_the_server_first_and_is_added_once() {
    struct Charts;
    impl selvedge::pages::Extension for Charts {
        fn setup(&self, server: &Server) -> selvedge::Result<()> {
            let icons = Module { scripts: vec!["icons.js".into()], ..Module::default() };
            server.enable_module(icons).map(drop)
        }
        fn module(&self) -> Module {
            Module { scripts: vec!["charts.js".into()], ..Module::default() }
        }
    }
    let server = Server::new("files");
    assert!(server.enable_module(Charts).unwrap());
    assert!(!server.enable_module(Charts).unwrap());
    let scripts = server.state().get::<Vec<String>>("trame__scripts").unwrap();
    assert_eq!(scripts, ["icons.js", "charts.js"]);
}

#[tokio::test]
async fn the_page_runs_scripts_from_where_the_application_names_them_and_from_nowhere_else() {
    let server = Server::new("files");
    let policy = async |running: &Running| {
        let answer = request(running, "GET", "/index.html", &[]).await;
        let (before, rest) =
            answer.header("content-security-policy").split_once(" 'sha256-").unwrap();
        let (hash, after) = rest.split_once('\'').unwrap();
        // The hash of the one inline script of the page.
        assert_eq!(hash.len(), 44, "{hash}");
        format!("{before}{after}")
    };
    let running = start(&server).await;
    let port = running.port();
    assert_eq!(
        policy(&running).await,
        format!(
            "script-src 'self' 'unsafe-eval' blob:; connect-src 'self' http: https: data: blob: ws://127.0.0.1:{port}; \
             object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
        )
    );
    server
        .enable_module(Module {
            scripts: vec![
                "https://cdn.example/a.js".into(),
                "https://cdn.example/b.js".into(),
                "local.js".into(),
                "https://*/".into(),
                "data:text/javascript,1".into(),
            ],
            module_scripts: vec!["http://127.0.0.1:9000/c.js".into()],
            ..Module::default()
        })
        .unwrap();
    let scripts =
        "script-src 'self' 'unsafe-eval' blob: https://cdn.example http://127.0.0.1:9000; ";
    assert!(policy(&running).await.starts_with(scripts));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn no_foreign_page_may_frame_or_load_anything() {
    let (running, _dir) = served().await;
    for path in ["/index.html", "/__demo_1.0/demo.js", "/missing", "/"] {
        let answer = request(&running, "GET", path, &[]).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.ends_with("frame-ancestors 'self'"), "{path}: {policy}");
        let resources = answer.header("cross-origin-resource-policy");
        assert_eq!(resources, "same-origin", "{path}");
    }
    running.stop().await.unwrap();
    let options = crate::support::options().allowed_origin("https://hub.example");
    let running = Server::new("files").spawn(options).await.unwrap();
    let answer = request(&running, "GET", "/index.html", &[]).await;
    let policy = answer.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors 'self' https://hub.example"), "{policy}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_application_widens_the_policy_per_kind_of_source() {
    use selvedge::pages::Source;
    let server = Server::new("files");
    server
        .allow_source(Source::Script, "https://cdn.example")
        .unwrap()
        .allow_source(Source::Connect, "wss://robot.local:9090")
        .unwrap()
        .allow_source(Source::Worker, "https://workers.example")
        .unwrap()
        .allow_source(Source::FrameAncestor, "https://hub.example")
        .unwrap();
    let running = start(&server).await;
    let policy = async |path| {
        let answer = request(&running, "GET", path, &[]).await;
        answer.header("content-security-policy").to_owned()
    };
    let page = policy("/index.html").await;
    let directive = |name: &str| {
        let found = page.split("; ").find(|text| text.starts_with(name));
        found.unwrap_or_default().to_owned()
    };
    assert!(directive("script-src").ends_with(" https://cdn.example"), "{page}");
    let workers = directive("worker-src");
    assert!(workers.contains("'self'") && workers.ends_with(" https://workers.example"), "{page}");
    assert!(directive("connect-src").contains(" wss://robot.local:9090 ws://127.0.0.1:"), "{page}");
    assert_eq!(directive("object-src"), "object-src 'none'");
    for policy in [page.clone(), policy("/missing").await] {
        assert!(policy.ends_with("frame-ancestors 'self' https://hub.example"), "{policy}");
    }
    for bad in ["https://a.example; object-src *", "https://a.example\n", "a b", "'none'", ""] {
        let error = server.allow_source(Source::Object, bad).map(drop).unwrap_err().to_string();
        assert!(error.contains("source") && error.contains("https://cdn.example"), "{error}");
    }
    server.allow_source(Source::Object, "https://pdf.example").unwrap();
    assert!(policy("/index.html").await.contains("; object-src https://pdf.example; "));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn browsers_ask_each_time_whether_a_file_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.js"), "1").unwrap();
    let server = Server::new("files");
    let get = |path: &str| (path == "b.js").then(|| b"2".as_slice().into());
    let serve = [
        ("__disk".to_owned(), dir.path().to_owned().into()),
        ("__memory".to_owned(), selvedge::files::Assets::embedded(get)),
    ];
    server.enable_module(Module { serve: serve.into(), ..Module::default() }).unwrap();
    let options = crate::support::options().serve_folder("data", dir.path());
    let running = server.spawn(options).await.unwrap();
    for path in ["/__disk/a.js", "/__memory/b.js", "/data/a.js"] {
        let first = request(&running, "GET", path, &[]).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"), "{path}");
        let known = [("If-None-Match", first.header("etag"))];
        let again = request(&running, "GET", path, &known).await;
        assert_eq!((again.status, again.header("cache-control")), (304, "no-cache"), "{path}");
        assert!(again.body.is_empty());
    }
    fs::write(dir.path().join("a.js"), "changed").unwrap();
    for path in ["/missing.js", "/", "/__disk/"] {
        let answer = request(&running, "GET", path, &[]).await;
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
    }
    server.set_http_header("Cache-Control", Some("no-store")).unwrap();
    let own = request(&running, "GET", "/__disk/a.js", &[]).await;
    assert_eq!((own.text().as_str(), own.header("cache-control")), ("changed", "no-store"));
    running.stop().await.unwrap();

    fs::write(dir.path().join("index.html"), "<p>mine</p>").unwrap();
    let options = crate::support::options().content(dir.path());
    let running = Server::new("files").spawn(options).await.unwrap();
    let page = request(&running, "GET", "/index.html", &[]).await;
    assert_eq!((page.text().as_str(), page.header("cache-control")), ("<p>mine</p>", "no-cache"));
    running.stop().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_a_folder_are_followed_where_the_user_wants_it() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let served = dir.path().join("served");
    fs::create_dir_all(served.join("sub")).unwrap();
    fs::write(dir.path().join("out.txt"), "out").unwrap();
    fs::write(served.join("sub/in.txt"), "in").unwrap();
    symlink("../out.txt", served.join("out.txt")).unwrap();
    symlink("sub", served.join("inner")).unwrap();
    let log = crate::log::Log::start();
    for (follow, out) in [(false, 404), (true, 200)] {
        let options = crate::support::options().follow_symlinks(follow);
        let options = options.serve_folder("data", &served);
        let running = Server::new("files").spawn(options).await.unwrap();
        let inner = request(&running, "GET", "/data/inner/in.txt", &[]).await;
        assert_eq!((inner.status, inner.text().as_str()), (200, "in"));
        assert_eq!(request(&running, "GET", "/data/out.txt", &[]).await.status, out);
        running.stop().await.unwrap();
    }
    let lines: Vec<String> = log
        .text()
        .lines()
        .filter(|line| line.contains("--follow-symlinks"))
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("out.txt") && lines[0].contains("leads out"), "{lines:?}");
}

/// The name of the test below, which starts itself again.
const ELSEWHERE: &str = "SELVEDGE_TEST_ELSEWHERE";

#[tokio::test]
async fn a_module_that_is_part_of_the_program_is_found_wherever_it_is_started() {
    if std::env::var_os(ELSEWHERE).is_none() {
        let folder = tempfile::tempdir().unwrap();
        let name = "files::a_module_that_is_part_of_the_program_is_found_wherever_it_is_started";
        let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", name]).env(ELSEWHERE, "1").current_dir(folder.path());
        let output = again.output().await.unwrap();
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let server = Server::new("files");
    let module = selvedge::module!("tests/module/charts.json").unwrap();
    assert!(server.enable_module(module.clone()).unwrap());
    assert_eq!((module.name.as_str(), module.styles.len(), module.vue_use.len()), ("charts", 1, 1));
    assert_eq!(server.state().get::<String>("charts__theme").unwrap(), "plain");
    let running = start(&server).await;
    for (path, content) in [
        ("/__charts_1.2/charts.js", include_str!("module/files/charts.js")),
        ("/__charts_1.2/fonts/chart.woff2", include_str!("module/files/fonts/chart.woff2")),
    ] {
        let answer = request(&running, "GET", path, &[]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, content), "{path}");
    }
    assert_eq!(request(&running, "GET", "/__charts_1.2/../charts.json", &[]).await.status, 404);
    running.stop().await.unwrap();
}
