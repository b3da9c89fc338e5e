//! The application's windows: opening them, connecting them to the application, and finding them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tauri::{
    Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent, async_runtime,
    webview::{NewWindowResponse, PageLoadEvent},
};

use crate::{
    accent::SystemAccent, appearance, closing::CloseAddress, control::Control, desktop::Desktop,
    navigation::open_outside, place, window_list,
};

impl Desktop {
    /// Opens the application's first window, with its menu, title and control.
    pub(crate) fn open_first(self: &Arc<Self>) -> tauri::Result<()> {
        if let Some(menu) = &self.session.window.menu {
            self.set_menu(menu)?;
        }
        self.follow_title();
        self.follow_scheme();
        #[cfg(target_os = "linux")]
        crate::graphics::check(&self.session.window);
        self.open(&self.session.url)?;
        let control = Control(Arc::downgrade(self));
        self.session.server.set_window_control(Arc::new(control));
        Ok(())
    }

    /// Opens a window on a page of the server.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open(self: &Arc<Self>, url: &str) -> tauri::Result<()> {
        self.open_here(url)
    }

    /// Opens a window on a page of the server. This is done in one step of the event loop, so that
    /// the web view is configured before it loads anything.
    #[cfg(target_os = "linux")]
    pub(crate) fn open(self: &Arc<Self>, url: &str) -> tauri::Result<()> {
        let (answer, opened) = std::sync::mpsc::channel();
        let (desktop, url) = (self.clone(), url.to_owned());
        self.app.run_on_main_thread(move || drop(answer.send(desktop.open_here(&url))))?;
        // Fails if the event loop has ended.
        opened.recv().unwrap_or(Err(tauri::Error::WindowNotFound))
    }

    fn open_here(self: &Arc<Self>, url: &str) -> tauri::Result<()> {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let first = number == 0;
        let label = match first && self.session.window.remember_place {
            true => place::REMEMBERED.to_owned(),
            false => window_list::label(number),
        };
        let url = Url::parse(url).map_err(tauri::Error::InvalidUrl)?;
        let window = self.build(url, label, first)?;
        #[cfg(target_os = "linux")]
        self.prepare_web_view(&window)?;
        self.set_page_title(&window, self.session.title.clone());
        if let Some(title) = &self.session.window.title {
            self.set_own_title(&window, Some(title.clone()))?;
        }
        self.adjust(&window)?;
        if window.label() == place::REMEMBERED {
            place::follow(&window);
        }
        if self.session.server.options().get_desktop_debug() {
            window.open_devtools();
        }
        self.watch_closing(&window);
        // Not only with its page: a user sees at once that the program is starting.
        self.reveal(&window, first);
        Ok(())
    }

    /// Configures what Tauri does not expose.
    #[cfg(target_os = "linux")]
    fn prepare_web_view(self: &Arc<Self>, window: &WebviewWindow) -> tauri::Result<()> {
        use crate::{closing, drops, navigation, permissions, web_process};

        let (desktop, shown) = (self.clone(), window.clone());
        window.with_webview(move |view| {
            let view = view.inner();
            if let Some(proxies) = &desktop.proxies {
                proxies.apply(&view);
            }
            navigation::confine(&desktop, &view);
            web_process::watch(&desktop, &shown, &view);
            closing::follow(&desktop, &shown, &view);
            drops::take(&desktop, &view);
            permissions::ask(&view);
        })
    }

    fn build(
        self: &Arc<Self>,
        url: Url,
        label: String,
        first: bool,
    ) -> tauri::Result<WebviewWindow> {
        let debug = self.session.server.options().get_desktop_debug();
        let (navigation, titles, loads) = (self.clone(), self.clone(), self.clone());
        let (new_window, opener) = (self.clone(), label.clone());
        let (close, closing) = (CloseAddress::new(&label), label.clone());
        let remembered = label == place::REMEMBERED;
        let habits = close.script();
        let builder = WebviewWindowBuilder::new(&self.app, label, WebviewUrl::External(url))
            .title(&self.session.title)
            .visible(self.shows_early(first))
            .devtools(debug)
            // The page handles files that are dropped on it.
            .disable_drag_drop_handler()
            .initialization_script(habits)
            .on_navigation(move |url| {
                !navigation.closes(&closing, &close, url) && navigation.may_load(url)
            })
            .on_new_window(move |url, _| {
                match appearance::is_drag(&url) {
                    true => new_window.drag(&opener),
                    false => new_window.clone().open_beside(url),
                }
                NewWindowResponse::Deny
            })
            .on_document_title_changed(move |window, title| titles.set_page_title(&window, title))
            .on_page_load(move |window, page| {
                if page.event() == PageLoadEvent::Started {
                    loads.keep_home(&window, page.url());
                }
            });
        // On Linux the web view of each window reports the downloads of all windows.
        let follows = first || cfg!(not(target_os = "linux"));
        let builder = match self.app.state::<SystemAccent>().script() {
            Some(script) => builder.initialization_script(script),
            None => builder,
        };
        let builder = match (self.clone(), follows) {
            (desktop, true) => builder.on_download(move |_, event| desktop.follow_download(event)),
            (_, false) => builder,
        };
        let options = &self.session.window;
        let builder = appearance::prepare(builder, &self.app, options, first)?;
        let builder = match remembered {
            true => place::prepare(builder, &self.app, options.size)?,
            false => builder,
        };
        #[cfg(not(target_os = "macos"))]
        if let Some(bar) = self.menu.bar() {
            return builder.menu(bar).build();
        }
        builder.build()
    }

    /// Whether a window is shown before it has its web view, which takes a while to make. On Linux
    /// the window has the background of the desktop's theme until then, elsewhere it is white.
    fn shows_early(&self, first: bool) -> bool {
        let options = &self.session.window;
        let waits = first && (options.hidden || options.minimized);
        cfg!(target_os = "linux") && !waits && !options.transparent
    }

    fn watch_closing(self: &Arc<Self>, window: &WebviewWindow) {
        let (desktop, closing) = (self.clone(), window.clone());
        window.on_window_event(move |event| match event {
            WindowEvent::CloseRequested { api, .. } => desktop.close_requested(&closing, api),
            WindowEvent::Destroyed => desktop.windows.forget(&closing),
            _ => {}
        });
    }

    /// Moves a window with the mouse, whose button is pressed.
    fn drag(&self, label: &str) {
        if let Some(window) =
            self.app.get_webview_window(label).filter(|_| self.session.window.frameless)
            && let Err(error) = window.start_dragging()
        {
            tracing::warn!("the window cannot be dragged: {error}");
        }
    }

    /// Answers a page's request for a new window: a page of this server gets one, others open in
    /// the system's browser.
    fn open_beside(self: Arc<Self>, url: Url) {
        if self.is_ours(&url) || open_outside(&url) {
            // Deferred, because the web view is waiting for an answer.
            async_runtime::spawn(async move {
                if let Err(error) = self.open(url.as_str()) {
                    tracing::error!("a new window could not be opened: {error}");
                }
            });
        }
    }
}
