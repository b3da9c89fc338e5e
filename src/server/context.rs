//! What callbacks of the application get as their first argument.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;

use super::Server;
use crate::{
    Attachment, Failure, Result,
    session::DOWNLOAD_TOPIC,
    state::{State, Translator},
    window::SaveRequest,
    wire::ClientId,
};

/// The surroundings of a call: the server, and the client that caused it.
#[derive(Clone)]
pub struct Ctx {
    /// The server that the callback is registered with.
    pub server: Server,
    client: Option<ClientId>,
}

/// Where a file went, see [`Ctx::save_file`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The user chose this place.
    To(PathBuf),
    /// The client's browser saves it as a download.
    Downloaded,
    /// The user chose not to.
    Cancelled,
}

impl Ctx {
    /// The same for a part of the application.
    pub(super) fn translated(self, translator: &Translator) -> Self {
        let server = Server::view(self.server.inner, translator.clone());
        Ctx { server, ..self }
    }

    /// A value of the application that was put into the [context](crate::Context).
    ///
    /// # Errors
    /// A failure that names the type when there is none.
    pub fn context<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Failure> {
        self.server.context().get().ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Failure::msg(format!("there is no {name} in the context; insert one before the start"))
        })
    }

    pub(super) fn of(server: &Server, client: Option<ClientId>) -> Self {
        Ctx { server: server.clone(), client }
    }

    /// The values shared with every client.
    pub fn state(&self) -> &State {
        self.server.state()
    }

    /// Whose call this is; `None` in listeners and hooks that no client caused.
    pub fn client(&self) -> Option<ClientId> {
        self.client
    }

    /// Lets the user save a file: through a native dialog in a desktop window, as a download in a browser.
    ///
    /// `media_type` is the file's type for browsers, `"image/png"` for instance.
    ///
    /// # Errors
    /// What the system says when the chosen file cannot be written, or that no client asked for it.
    pub async fn save_file(
        &self,
        file_name: &str,
        media_type: &str,
        content: Vec<u8>,
    ) -> Result<Saved, Failure> {
        let dialogs = self.server.settings().dialogs.clone();
        let Some(dialogs) = dialogs else {
            return self.download(file_name, media_type, content);
        };
        let Some(path) = dialogs.save_path(SaveRequest { file_name: file_name.to_owned() }).await
        else {
            return Ok(Saved::Cancelled);
        };
        let target = path.clone();
        tokio::task::spawn_blocking(move || std::fs::write(target, content)).await??;
        Ok(Saved::To(path))
    }

    fn download(&self, name: &str, media_type: &str, content: Vec<u8>) -> Result<Saved, Failure> {
        #[derive(Serialize)]
        struct Download<'a> {
            name: &'a str,
            r#type: &'a str,
            content: Attachment,
        }
        let client = self.client.ok_or_else(|| Failure::msg("no client asked for this file"))?;
        let download = Download { name, r#type: media_type, content: content.into() };
        match self.server.publish_to(client, DOWNLOAD_TOPIC, download)? {
            true => Ok(Saved::Downloaded),
            false => Err(Failure::msg("the client that asked for this file is gone")),
        }
    }
}
