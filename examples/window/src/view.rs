//! The window: its menu, and the triggers with which page and menu change it.

use selvedge::{
    Ctx, Result, Server,
    window::{Menu, MenuItem, StandardItem},
};

/// Returns the menu, or a shorter one if it is to be simple.
pub(crate) fn menu(simple: bool) -> Menu {
    let file = Menu::new()
        .item(MenuItem::new("&New", "new").accelerator("CmdOrCtrl+N"))
        .item(MenuItem::new("&Save", "save").accelerator("CmdOrCtrl+S").enabled(false))
        .separator()
        .standard(StandardItem::CloseWindow)
        .standard(StandardItem::Quit);
    let toggle = MenuItem::new("S&imple Menu", "simple").accelerator("CmdOrCtrl+Shift+M");
    let view = Menu::new().item(toggle.checked(simple));
    if simple {
        return Menu::new().submenu("&File", file).submenu("&View", view);
    }
    let edit = Menu::new()
        .standard(StandardItem::Undo)
        .standard(StandardItem::Redo)
        .separator()
        .standard(StandardItem::Cut)
        .standard(StandardItem::Copy)
        .standard(StandardItem::Paste)
        .standard(StandardItem::SelectAll);
    let size = Menu::new()
        .item(MenuItem::new("Small", "resize").args([500, 400]))
        .item(MenuItem::new("Large", "resize").args([900, 700]));
    let view = view
        .item(
            MenuItem::new("&Wide Letters", "wide").checked(false).accelerator("CmdOrCtrl+Shift+W"),
        )
        .item(MenuItem::new("Always on &Top", "on_top").checked(false))
        .submenu("S&ize", size)
        .separator()
        .standard(StandardItem::ZoomIn)
        .standard(StandardItem::ZoomOut)
        .standard(StandardItem::ZoomReset)
        .standard(StandardItem::Fullscreen);
    Menu::new().submenu("&File", file).submenu("&Edit", edit).submenu("&View", view)
}

pub(crate) fn set_up(server: &Server) -> Result<()> {
    server.state().set("wide", false).set("on_top", false).set("simple", false).set("seen", "");
    // A check item passes its new value; the checkbox in the page and the check mark in the menu
    // follow each other.
    server.trigger("wide", |cx: Ctx, wide: bool| cx.set("wide", wide));
    server.trigger("on_top", |cx: Ctx, on_top: bool| cx.set("on_top", on_top));
    server.on_change("wide", |cx: Ctx, wide: bool| {
        let _ = cx.server.window().check_item("wide", wide);
    });
    server.on_change("on_top", |cx: Ctx, on_top: bool| {
        let window = cx.server.window();
        let _ = window.check_item("on_top", on_top);
        let _ = window.set_on_top(on_top);
    });
    server.trigger("simple", |cx: Ctx, simple: bool| -> Result<()> {
        let window = cx.server.window();
        window.set_menu(menu(simple))?;
        // A new menu does not inherit the settings of the previous one.
        window.enable_item("save", cx.state().get("unsaved")?)?;
        if !simple {
            window.check_item("wide", cx.state().get("wide")?)?;
            window.check_item("on_top", cx.state().get("on_top")?)?;
        }
        cx.state().set("simple", simple);
        Ok(())
    });
    server.trigger("resize", |cx: Ctx, width: f64, height: f64| -> Result<()> {
        cx.server.window().set_size(width, height)
    });
    server.trigger("move", |cx: Ctx, x: f64, y: f64| -> Result<()> {
        cx.server.window().set_position(x, y)
    });
    server.trigger("center", |cx: Ctx| cx.server.window().center());
    server.trigger("maximize", |cx: Ctx| cx.server.window().maximize());
    server.trigger("minimize", |cx: Ctx| cx.server.window().minimize());
    server.trigger("restore", |cx: Ctx| cx.server.window().restore());
    server.trigger("fullscreen", |cx: Ctx, full: bool| cx.server.window().set_fullscreen(full));
    server.trigger("frameless", |cx: Ctx, frameless: bool| {
        cx.server.window().set_frameless(frameless)
    });
    server.trigger("zoom", |cx: Ctx, zoom: f64| cx.server.window().set_zoom(zoom));
    server.trigger("title", |cx: Ctx, title: Option<String>| {
        cx.server.window().set_title(title.as_deref())
    });
    server.trigger("hide_for_a_second", async |cx: Ctx| -> Result<()> {
        let window = cx.server.window();
        window.hide()?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        window.show()
    });
    server.trigger("close", |cx: Ctx| cx.server.window().close());
    server.trigger("look", |cx: Ctx| -> Result<()> {
        cx.state().set("seen", format!("{:?}", cx.server.window().state()?));
        Ok(())
    });
    Ok(())
}
