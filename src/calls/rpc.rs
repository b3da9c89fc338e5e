//! RPC methods: functions of the application that client code calls through its wslink session.

use selvedge_wslink::{Packed, words::method};
use serde::Serialize;

use super::{callback::Callback, functions::list, registry::Rpc};
use crate::{
    Failure,
    app::{Ctx, Server, unknown},
};
#[cfg(feature = "typescript")]
use crate::{calls::callback::parameters_of, typescript::signatures::FunctionKind};

impl Server {
    /// Registers a function as an RPC method that clients call by name, for instance
    /// `"demo.frame"`.
    ///
    /// Unlike triggers, RPC methods are called by your own client code through its wslink session.
    ///
    /// ```
    /// use selvedge::{values::Attachment, Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.rpc("camera.frame", |_: Ctx, width: usize, height: usize| {
    ///     Attachment::from(vec![0; width * height])
    /// });
    /// ```
    ///
    /// # Panics
    /// If the name is not lower-case words joined by dots (as wslink requires), or belongs to the
    /// protocol: names below `wslink.`, `application.` and `selvedge.`, and trame's own methods.
    /// Names of widget packages, such as `trame.rca.size`, are free.
    #[track_caller]
    pub fn rpc<M: 'static>(&self, method: &str, callback: impl Callback<Ctx, M>) -> &Self {
        self.add_rpc(method, callback, false)
    }

    /// Registers an RPC method like [`rpc`](Self::rpc) that [viewers](crate::rooms::Role::Viewer) may
    /// call, too. Use it for methods without effects on other users.
    ///
    /// # Panics
    /// Like [`rpc`](Self::rpc).
    #[track_caller]
    pub fn rpc_for_viewers<M: 'static>(
        &self,
        method: &str,
        callback: impl Callback<Ctx, M>,
    ) -> &Self {
        self.add_rpc(method, callback, true)
    }

    #[track_caller]
    fn add_rpc<M: 'static>(
        &self,
        method: &str,
        callback: impl Callback<Ctx, M>,
        for_viewers: bool,
    ) -> &Self {
        assert!(is_dotted_name(method), "`{method}` is not lower-case words joined by dots");
        assert!(!method::is_reserved(method), "`{method}` belongs to the protocol");
        #[cfg(feature = "typescript")]
        self.inner.signatures.note(FunctionKind::Method, method, parameters_of(&callback));
        let mut rpcs = self.inner.rpcs.write();
        rpcs.insert(method.to_owned(), Rpc { function: self.bind(callback), for_viewers });
        drop(rpcs);
        self
    }

    /// Calls an RPC method from Rust, as a client would.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) if there is no such method, and the method's own
    /// errors.
    pub async fn protocol_call(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<Packed, Failure> {
        let rpc = self.rpc_method(method);
        let rpc = rpc.ok_or_else(|| unknown("RPC method", method, Vec::new()))?;
        self.call(&rpc.function, format!("RPC method `{method}`"), list(&args)?, None).await
    }

    /// Returns the RPC method of this name.
    pub(crate) fn rpc_method(&self, method: &str) -> Option<Rpc> {
        let rpcs = self.inner.rpcs.read();
        rpcs.get(method).cloned()
    }
}

fn is_dotted_name(name: &str) -> bool {
    name.split('.').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}
