//! Exec modes.

/// How the application is shown, and who waits for its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecMode {
    /// In browsers. The call that starts the server returns when it has stopped.
    #[default]
    Main,
    /// In browsers, while the program continues: [`Server::spawn`](crate::Server::spawn).
    Task,
    /// In browsers, driven by a future of the program: [`Server::serve`](crate::Server::serve).
    Coroutine,
    /// In its own window: [`Server::run_in`](crate::Server::run_in).
    Desktop,
}
