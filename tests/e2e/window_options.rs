//! Tests the window as the window system reports it: its options, changes by the program, its menu,
//! and how it closes.

use serde_json::json;

use crate::{
    driver::Driver,
    program::{Program, Traces, manners, signal, until, window_app},
    screen::{Screen, Window},
    support::Client,
};

async fn becomes(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, async || condition().then_some(())).await;
}

async fn state_becomes(client: &mut Client, key: &str, value: serde_json::Value) {
    until(key, async || (client.snapshot().await[key] == value).then_some(())).await;
}

/// Starts the program without a saved place from another run.
async fn program(screen: &Screen, arguments: &[&str]) -> Program {
    screen.program(&window_app(), &[&["--forget"], arguments].concat()).await
}

/// Starts the program without a saved place, with its page driven from the inside.
async fn driven(screen: &Screen, arguments: &[&str]) -> Driver {
    let arguments = [&["--forget", "--unasked"], arguments].concat();
    let driver = Driver::window_of(&window_app(), &screen.environment(), &arguments).await;
    driver.element("text").await;
    driver
}

#[tokio::test]
async fn a_window_opens_as_its_options_say() {
    let screen = Screen::start().await;
    let arguments = "--size 620x430 --position 90x70 --min-size 400x300 --max-size 900x700 --on-top \
                     --zoom 1.25 --no-text-select --window-title Own";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let driver = driven(&screen, &arguments).await;
    let window = screen.window(driver.program().await).await;
    becomes("the size", || window.size() == (620, 430)).await;
    becomes("the position", || window.corner() == (90, 70)).await;
    let limits = window.property("WM_NORMAL_HINTS");
    assert!(limits.contains("minimum size: 400 by 300"), "{limits}");
    assert!(limits.contains("maximum size: 900 by 700"), "{limits}");
    becomes("above", || window.is("ABOVE")).await;
    assert_eq!(driver.js("return Math.round(innerWidth * 1.25 / 5)").await, 620 / 5);
    let select = "return getComputedStyle(document.querySelector('main')).webkitUserSelect";
    assert_eq!(driver.js(select).await, "none");
    let mut client = Client::connect_to(driver.traces.address().await).await;
    client.set(json!({"text": "a"})).await.unwrap();
    driver.js_until("document.title === 'Notes (unsaved)'").await;
    assert_eq!(window.title(), "Own");
    drop(client);
}

#[tokio::test]
async fn a_window_may_open_full_maximized_fixed_minimized_or_not_at_all() {
    let screen = Screen::start().await;
    for (option, state) in [
        ("--fullscreen", "FULLSCREEN"),
        ("--maximized", "MAXIMIZED_VERT"),
        ("--minimized", "HIDDEN"),
    ] {
        let program = program(&screen, &[option]).await;
        let window = screen.window(program.pid()).await;
        becomes(option, || window.is(state)).await;
    }
    let fixed = program(&screen, &["--fixed-size", "--size", "500x300", "--frameless"]).await;
    let window = screen.window(fixed.pid()).await;
    becomes("a fixed size", || {
        let limits = window.property("WM_NORMAL_HINTS");
        limits.contains("minimum size: 500 by 300") && limits.contains("maximum size: 500 by 300")
    })
    .await;
    becomes("no frame", || window.title_bar() == 0).await;
    let hidden = program(&screen, &["--hidden"]).await;
    hidden.joined(1).await;
    assert!(screen.windows(hidden.pid()).is_empty());
}

#[tokio::test]
async fn a_window_shows_its_background_color_or_is_transparent_where_the_page_paints_nothing() {
    const EMPTY: (i32, i32) = (700, 170);
    let mut screen = Screen::start().await;
    screen.compose().await;
    let behind = screen.color(EMPTY);
    for (option, color) in [
        (None, [255; 3]),
        (Some("--background=40,80,120"), [40, 80, 120]),
        (Some("--transparent"), behind),
    ] {
        let arguments =
            ["--forget", "--unasked", "--position", "100x100"].into_iter().chain(option);
        let arguments = arguments.collect::<Vec<_>>();
        let mut program = Program::start_with(&window_app(), &arguments, |command| {
            // A transparent window needs a graphics card, at least an emulated one.
            command.envs(screen.environment()).env("WEBKIT_DISABLE_DMABUF_RENDERER", "0");
        })
        .await;
        program.joined(1).await;
        let window = screen.window(program.pid()).await;
        becomes(&format!("{color:?}"), || screen.color(EMPTY) == color).await;
        window.close();
        assert_eq!(program.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn keys_zoom_a_window_only_where_it_is_allowed() {
    let screen = Screen::start().await;
    for (option, narrower) in [(None, false), (Some("--zoomable"), true)] {
        let arguments = ["--size", "600x400"].into_iter().chain(option);
        let driver = driven(&screen, &arguments.collect::<Vec<_>>()).await;
        let mut client = Client::connect_to(driver.traces.address().await).await;
        let window = screen.window(driver.program().await).await;
        // The full menu has items with the same keys; the simple one does not.
        window.press(&["ctrl+shift+m"]);
        state_becomes(&mut client, "simple", json!(true)).await;
        driver.js_until("innerWidth === 600").await;
        window.press(&["ctrl+plus", "ctrl+plus", "ctrl+s", "ctrl+shift+m"]);
        state_becomes(&mut client, "simple", json!(false)).await;
        match narrower {
            true => drop(driver.js_until("innerWidth < 600").await),
            false => assert_eq!(driver.js("return innerWidth").await, 600),
        }
    }
}

#[tokio::test]
async fn invalid_options_fail_the_start_with_a_message() {
    let traces = Traces::new();
    let mut command = traces.command(&window_app());
    let ended =
        command.args(["--size", "800xNaN"]).env("SELVEDGE_NO_DIALOG", "1").status().unwrap();
    assert_eq!(ended.code(), Some(70));
    let log = traces.log();
    assert!(
        log.contains("`800 × NaN` is not a valid value for the window's size. Give width"),
        "{log}"
    );
}

#[tokio::test]
async fn the_program_and_the_menu_change_the_window() {
    let screen = Screen::start().await;
    let driver = driven(&screen, &[]).await;
    let mut client = Client::connect_to(driver.traces.address().await).await;
    let window = screen.window(driver.program().await).await;

    client.trigger("resize", json!([500, 400])).await;
    becomes("another size", || window.size() == (500, 400)).await;
    client.trigger("move", json!([120, 130])).await;
    becomes("another place", || window.corner() == (120, 130)).await;
    client.trigger("look", json!([])).await;
    let said = client.snapshot().await["seen"].as_str().unwrap().to_owned();
    assert!(said.contains("size: (500.0, 400.0)") && said.contains("(120.0, 130.0)"), "{said}");
    client.trigger("maximize", json!([])).await;
    becomes("maximized", || window.is("MAXIMIZED_VERT")).await;
    client.trigger("restore", json!([])).await;
    becomes("restored", || !window.is("MAXIMIZED_VERT") && window.size() == (500, 400)).await;
    client.trigger("fullscreen", json!([true])).await;
    becomes("full", || window.is("FULLSCREEN")).await;
    client.trigger("fullscreen", json!([false])).await;
    becomes("not full", || !window.is("FULLSCREEN")).await;
    client.trigger("minimize", json!([])).await;
    becomes("minimized", || window.is("HIDDEN")).await;
    client.trigger("restore", json!([])).await;
    becomes("shown again", || !window.is("HIDDEN")).await;
    client.trigger("zoom", json!([2])).await;
    driver.js_until("innerWidth === 250").await;
    client.trigger("zoom", json!([1])).await;
    client.trigger("frameless", json!([true])).await;
    becomes("no frame", || window.title_bar() == 0).await;
    client.trigger("frameless", json!([false])).await;
    becomes("a frame", || window.title_bar() > 0).await;
    let refused = client.call("trame.trigger", json!(["resize", [-1, 400], {}])).await;
    assert!(
        format!("{refused:?}").contains("not a valid value for the window's size"),
        "{refused:?}"
    );

    // Tests the menu: a shortcut, an item that a page enables, a check mark that both can set, and
    // a click.
    window.press(&["ctrl+s"]);
    client.set(json!({"text": "one"})).await.unwrap();
    becomes("the title", || window.title() == "Notes (unsaved)").await;
    window.press(&["ctrl+s"]);
    state_becomes(&mut client, "saved", json!("one")).await;
    becomes("the title again", || window.title() == "Notes").await;
    window.press(&["ctrl+shift+w"]);
    state_becomes(&mut client, "wide", json!(true)).await;
    client.set(json!({"wide": false})).await.unwrap();
    state_becomes(&mut client, "wide", json!(false)).await;
    window.press(&["ctrl+shift+w"]);
    state_becomes(&mut client, "wide", json!(true)).await;
    window.press(&["alt+v", "t"]);
    state_becomes(&mut client, "on_top", json!(true)).await;
    becomes("on top", || window.is("ABOVE")).await;
    // Replaces the menu: old items are gone, and new items work.
    window.press(&["ctrl+shift+m"]);
    state_becomes(&mut client, "simple", json!(true)).await;
    window.press(&["ctrl+shift+w", "ctrl+shift+m"]);
    state_becomes(&mut client, "simple", json!(false)).await;
    assert_eq!(client.snapshot().await["wide"], true);
    window.press(&["ctrl+shift+w"]);
    state_becomes(&mut client, "wide", json!(false)).await;
    driver.element("text").await.send_keys("two").await.unwrap();
    window.press(&["ctrl+a", "ctrl+x"]);
    state_becomes(&mut client, "text", json!("")).await;
    window.press(&["ctrl+v", "ctrl+v"]);
    until("what was cut", async || {
        let text = client.snapshot().await["text"].as_str().unwrap().to_owned();
        (text.len() == 12 && text.contains("two")).then_some(())
    })
    .await;
    window.press(&["ctrl+equal"]);
    driver.js_until("innerWidth < 480").await;
    window.press(&["ctrl+minus", "ctrl+minus"]);
    driver.js_until("innerWidth > 520").await;
    window.press(&["ctrl+0"]);
    driver.js_until("innerWidth === 500").await;

    client.trigger("title", json!(["Mine"])).await;
    becomes("a title of its own", || window.title() == "Mine").await;
    client.trigger("title", json!([null])).await;
    becomes("the page's title", || window.title() == "Notes (unsaved)").await;

    // Without a question, *Quit* stops like every close.
    window.press(&["ctrl+q"]);
    assert_eq!(until("the exit code", async || driver.traces.number("code")).await, 0);
}

#[tokio::test]
async fn the_title_follows_the_state_while_the_page_is_lost() {
    let screen = Screen::start().await;
    let program = program(&screen, &["--unasked"]).await;
    let window = screen.window(program.pid()).await;
    program.joined(1).await;
    becomes("the page's title", || window.title() == "Notes").await;
    let mut client = program.client().await;
    let page = program.traces.process("WebKitWebProces");
    signal(page, "STOP");
    client.set(json!({"text": "a"})).await.unwrap();
    becomes("the title from the state", || window.title() == "Notes (unsaved)").await;
    signal(page, "KILL");
    program.joined(3).await;
    client.trigger("save", json!([])).await;
    becomes("the title from the page that came back", || window.title() == "Notes").await;
}

#[tokio::test]
async fn closing_asks_when_something_would_be_lost() {
    let screen = Screen::start().await;
    let mut program = program(&screen, &[]).await;
    let window = screen.window(program.pid()).await;
    program.joined(1).await;
    let mut client = program.client().await;
    client.set(json!({"text": "a"})).await.unwrap();
    state_becomes(&mut client, "unsaved", json!(true)).await;

    for quit in [false, true] {
        match quit {
            true => window.press(&["ctrl+q"]),
            false => window.close(),
        }
        question(&screen, &program, &window).await.press(&["Escape"]);
        becomes("the question to go", || screen.windows(program.pid()).len() == 1).await;
        assert_eq!(client.snapshot().await["unsaved"], true, "the program goes on");
    }
    // A close by the program asks as well.
    client.trigger("close", json!([])).await;
    question(&screen, &program, &window).await.press(&["Tab", "Left", "Return"]);
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn two_windows_that_close_at_once_are_asked_about_as_well() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&window_app(), &screen.environment(), &["--forget"]).await;
    driver.element("text").await.send_keys("a").await.unwrap();
    driver.js_until("document.title === 'Notes (unsaved)'").await;
    let link = "<a id=beside href=index.html target=_blank>beside</a>";
    driver.js(&format!("document.body.insertAdjacentHTML('afterbegin', `{link}`)")).await;
    driver.element("beside").await.click().await.unwrap();
    let pid = driver.program().await;
    becomes("a second window", || screen.windows(pid).len() == 2).await;

    signal(pid, "STOP");
    let windows = screen.windows(pid);
    windows.iter().for_each(Window::close);
    signal(pid, "CONT");
    let is_new = |window: &Window| windows.iter().all(|known| known.id != window.id);
    let question = async || screen.windows(pid).into_iter().find(is_new);
    until("the question", question).await.press(&["Escape"]);
    becomes("one window to be left", || screen.windows(pid).len() == 1).await;
    let mut client = Client::connect_to(driver.traces.address().await).await;
    assert_eq!(client.snapshot().await["unsaved"], true, "the program goes on");
}

#[tokio::test]
async fn nothing_is_asked_when_nothing_would_be_lost_or_a_signal_ends_the_program() {
    let screen = Screen::start().await;
    let mut saved = program(&screen, &[]).await;
    let window = screen.window(saved.pid()).await;
    saved.joined(1).await;
    window.close();
    assert_eq!(saved.exit().await.code(), Some(0));

    let mut unsaved = program(&screen, &[]).await;
    let window = screen.window(unsaved.pid()).await;
    unsaved.joined(1).await;
    unsaved.client().await.set(json!({"text": "a"})).await.unwrap();
    window.close();
    question(&screen, &unsaved, &window).await;
    signal(unsaved.pid(), "TERM");
    assert_eq!(unsaved.exit().await.code(), Some(143), "not even while the question is open");
    unsaved.traces.nothing_is_left(unsaved.port()).await;
}

#[tokio::test]
async fn a_second_close_while_the_program_decides_asks_the_user() {
    let screen = Screen::start().await;
    let mut program = program(&screen, &["--slow-to-close", "3600"]).await;
    let window = screen.window(program.pid()).await;
    program.joined(1).await;
    window.close();
    window.close();
    question(&screen, &program, &window).await.press(&["Tab", "Left", "Return"]);
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn a_frameless_window_is_dragged_by_its_page() {
    let screen = Screen::start().await;
    for (more, drags) in [
        // The button in the row with the class `drag-region`, the text beside it, and a place
        // outside the row.
        (None, [((40, 60), false), ((300, 470), false), ((300, 60), true)].as_slice()),
        (Some("--drag"), &[((40, 60), false), ((300, 470), true)]),
    ] {
        let arguments = ["--frameless", "--position", "100x100"].into_iter().chain(more);
        let driver = driven(&screen, &arguments.collect::<Vec<_>>()).await;
        let window = screen.window(driver.program().await).await;
        becomes("the place", || window.corner() == (100, 100)).await;
        for (from, moves) in drags {
            window.drag(*from, (50, 30));
            if *moves {
                // If the page handles the press late, the window follows only a part of the way.
                until("another place", async || {
                    let moved = window.corner() != (100, 100);
                    if !moved {
                        window.drag(*from, (50, 30));
                    }
                    moved.then_some(())
                })
                .await;
            } else {
                assert_eq!(window.corner(), (100, 100), "{from:?}");
            }
        }
    }
}

/// The dialog beside the window.
async fn question<'a>(screen: &'a Screen, program: &Program, window: &Window<'_>) -> Window<'a> {
    let other = || screen.windows(program.pid()).into_iter().find(|other| other.id != window.id);
    until("the question", async || other()).await
}

#[tokio::test]
async fn frames_and_menus_follow_the_scheme_that_the_application_chooses() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&manners(), &screen.environment(), &[]).await;
    driver.element("launches").await;
    // The web view takes what it prefers from its window.
    let is_dark = "matchMedia('(prefers-color-scheme: dark)').matches";
    let before = driver.js(&format!("return {is_dark}")).await;
    for (scheme, expected) in [("dark", true), ("light", false)] {
        driver.js(&format!("trame.trigger('scheme', ['{scheme}'])")).await;
        driver.js_until(&format!("{is_dark} === {expected}")).await;
    }
    driver.js("trame.trigger('scheme', [''])").await;
    driver.js_until(&format!("{is_dark} === {before}")).await;
}
