//! Files from and to users, and dialogs.

// - `exchange`: uploads and downloads as an application sees them; `dialogs`: dialogs for its users
// - `transfer`: the transport over HTTP; `upload`: files received from users; `download`: files
//   sent to users; `landing`: files that appear only when complete; `progress`, `file_names`
// - `shared_folder`: folders of the server from which users choose files

pub(crate) mod dialogs;
mod download;
mod exchange;
mod file_names;
mod landing;
mod progress;
pub(crate) mod shared_folder;
pub(crate) mod transfer;
pub(crate) mod upload;

pub use crate::{
    app::Folders,
    error::{FolderError, TransferError},
    pages::{Assets, EmbeddedFiles},
};
pub use dialogs::OpenedFiles;
pub use download::Download;
pub(crate) use download::{Outgoing, Phase, Sent};
pub use exchange::Saved;
pub use progress::Progress;
pub use shared_folder::SharedFolder;
pub use transfer::TransferLimits;
pub use upload::Upload;
