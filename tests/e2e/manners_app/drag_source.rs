//! A window from which the file in the argument can be dragged, as from a file manager.

#[cfg(target_os = "linux")]
fn main() {
    use gtk::{gdk, gio, gio::prelude::FileExt, prelude::*};

    let file = std::env::args().nth(1).expect("a file");
    let address = gio::File::for_path(file).uri();
    gtk::init().expect("a display");
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("Source");
    let area = gtk::EventBox::new();
    let kind = gtk::TargetEntry::new("text/uri-list", gtk::TargetFlags::empty(), 0);
    area.drag_source_set(gdk::ModifierType::BUTTON1_MASK, &[kind], gdk::DragAction::COPY);
    area.connect_drag_data_get(move |_, _, data, _, _| {
        let _ = data.set_uris(&[&address]);
    });
    window.add(&area);
    window.show_all();
    gtk::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
