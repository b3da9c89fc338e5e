//! The content of pages: templates, modules of client code, and what they may load.

// - `template`: Vue templates from text and files; `element`: from Rust values, with `property`,
//   `naming`, `escape` and `render`; `builders`: the elements of the page with typed properties; `layout`: layouts and the holes in them
// - `module`: client code and assets
// - `template_macro`, `assets_macro`: files that are part of the program
// - `template_sources`: the files of templates; `file_watch`: follows them; `changed_files`: tells
//   open pages about others
// - `routes`: templates by path; `theme`: the look of the built-in page
// - `js_eval`: calls into pages

mod assets_macro;
pub(crate) mod builders;
#[cfg(feature = "dev")]
mod changed_files;
mod element;
pub(crate) mod escape;
#[cfg(feature = "dev")]
mod file_watch;
pub(crate) mod js_eval;
pub(crate) mod layout;
pub(crate) mod module;
mod naming;
mod property;
mod render;
mod routes;
pub(crate) mod template;
mod template_macro;
pub(crate) mod template_sources;
mod theme;

pub use crate::app::Source;
pub use element::{Element, Node, el};
#[cfg(feature = "dev")]
pub(crate) use file_watch::FileWatch;
pub use layout::Ui;
pub(crate) use module::served_beneath;
pub use module::{Assets, EmbeddedFiles, Extension, Module, Resource, VueUse};
pub use property::{Handler, Prop};
pub use routes::Route;
pub use template::Template;
pub use theme::{Density, Theme};
