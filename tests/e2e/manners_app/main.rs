//! A small desktop program whose behaviour tests select by environment variables.

use std::{env, process::ExitCode, thread, time::Duration};

use selvedge::{
    Ctx, Failure, Lifecycle, Module, Result, Server,
    run::Program,
    window::{Launch, WindowOptions},
};
use selvedge_desktop::App;

const NAME: &str = "manners";

fn main() -> ExitCode {
    // Programs that must not share an instance have different names.
    let name = env::var("MANNERS_NAME").unwrap_or_else(|_| NAME.to_owned());
    let several = env::var_os("MANNERS_SEVERAL").is_some();
    let named = name.clone();
    let program = Program::new(name).version("1.2.3");
    let program = match env::var("MANNERS_IDENTIFIER") {
        Ok(identifier) => program.identifier(identifier),
        Err(_) => program,
    };
    App::new(program, move || app(&named)).several_instances(several).run()
}

fn app(name: &str) -> Result<Server> {
    let server = selvedge::get_server(name);
    if let Some(millis) = env::var("MANNERS_SET_UP").ok().and_then(|millis| millis.parse().ok()) {
        thread::sleep(Duration::from_millis(millis));
    }
    assert!(env::var_os("MANNERS_PANIC").is_none(), "no set-up today");
    if env::var_os("MANNERS_UNTITLED").is_none() {
        server.state().set("trame__title", "Manners");
    }
    let folders = server.folders()?;
    // Without a home folder none of these exist.
    let folders = [folders.data(), folders.config(), folders.cache(), folders.logs()];
    server
        .state()
        .set("visits", ())
        .set("noted", "")
        .set("exits", 0)
        .set("launches", vec![Launch::of_this_process()])
        .set("folders", folders.map(Result::ok));
    server.on(Lifecycle::SecondLaunch, |cx: Ctx, launch: Launch| {
        cx.state().update("launches", |launches: &mut Vec<Launch>| launches.push(launch.clone()))
    });
    server.trigger("visited", |cx: Ctx, visits: u32| {
        cx.state().set("visits", visits);
    });
    server.enable_module(Module {
        name: "visits".into(),
        serve: [("visits".into(), selvedge::assets!(".", ["visits.js"]))].into(),
        scripts: vec!["visits/visits.js".into()],
        ..Module::default()
    })?;
    server.trigger("resize", |cx: Ctx, width: f64, height: f64| {
        cx.server.window().set_size(width, height)
    });
    server.trigger("maximize", |cx: Ctx| cx.server.window().maximize());
    server.trigger("restore", |cx: Ctx| cx.server.window().restore());
    server.trigger("window", |cx: Ctx| -> Result<_> {
        let window = cx.server.window().state()?;
        Ok((window.size.0, window.size.1, window.maximized))
    });
    server.trigger("close", |cx: Ctx| cx.server.window().close());
    server.on(Lifecycle::ClientExited, |cx: Ctx| {
        cx.state().update("exits", |exits: &mut u32| *exits += 1)
    });
    server.trigger("note", |cx: Ctx, noted: String| {
        cx.state().set("noted", noted);
    });
    server.trigger("scheme", |cx: Ctx, scheme: String| cx.set("trame__color_scheme", scheme));
    server.trigger("give_up", |cx: Ctx| cx.server.request_exit(7));
    server.trigger("panic", |cx: Ctx| {
        cx.server.create_task::<_, Failure>(async { panic!("not this task") });
    });
    #[cfg(target_os = "linux")]
    server.trigger("panic_in_loop", |_: Ctx| {
        glib::idle_add_once(|| panic!("not in this loop"));
    });
    let markup = env::var("MANNERS_MARKUP").unwrap_or_default();
    server.template("main", format!("<p id=launches>{{{{ launches.length }}}}</p>{markup}"));
    let window = WindowOptions::new().size(700.0, 500.0);
    server.set_window(window.remember_place(env::var_os("MANNERS_FORGET").is_none()));
    Ok(server)
}
