//! The words of the protocol: methods, topics, keys of the state, and error codes.
//!
//! Those of wslink and trame are what unmodified clients use. Those that begin with `selvedge.` are
//! extensions: a client asks for them, and stock clients never see them.

/// Methods that clients call.
pub mod method {
    /// The first call of a client: its secret. Answered with its id.
    pub const HELLO: &str = "wslink.hello";
    /// Returns the name of the state and all values.
    pub const STATE_GET: &str = "trame.state.get";
    /// Changes values: a list of maps of `key` and `value`.
    pub const STATE_UPDATE: &str = "trame.state.update";
    /// Calls a function of the application: its name, a list of arguments, a map of named ones.
    pub const TRIGGER: &str = "trame.trigger";
    /// A life-cycle event of the page.
    pub const LIFECYCLE_UPDATE: &str = "trame.lifecycle.update";
    /// An error of the page.
    pub const ERROR_CLIENT: &str = "trame.error.client";
    /// Asks for the current values of some keys.
    pub const FORCE_PUSH: &str = "trame.force.push";

    /// Says which extensions the page knows.
    pub const SELVEDGE_HELLO: &str = "selvedge.hello";
    /// Asks for a mark: the number of the newest change.
    pub const MARK: &str = "selvedge.mark";
    /// Asks for what has changed since a mark.
    pub const RESUME: &str = "selvedge.resume";
    /// Asks for the outcome of a call whose connection was lost.
    pub const OUTCOME: &str = "selvedge.call.outcome";
    /// Asks whether triggers exist, in development.
    pub const TRIGGER_CHECK: &str = "selvedge.trigger.check";
    /// Asks for the ticket of an upload.
    pub const UPLOAD_OPEN: &str = "selvedge.upload.open";
    /// The user's answer to a dialog.
    pub const DIALOG_ANSWER: &str = "selvedge.dialog.answer";
    /// The end of a dialog.
    pub const DIALOG_END: &str = "selvedge.dialog.end";
    /// The result of a call into the page.
    pub const PAGE_ANSWER: &str = "selvedge.page.answer";
    /// Asks for the pictures of a stream.
    pub const STREAM_OPEN: &str = "selvedge.stream.open";
    /// Acknowledges a picture of a stream, so that the next one is sent.
    pub const STREAM_ACK: &str = "selvedge.stream.ack";
    /// Ends a stream.
    pub const STREAM_CLOSE: &str = "selvedge.stream.close";

    /// Prefixes of the methods that belong to the protocol. Other names below `trame.` belong to
    /// widget packages: `trame.rca.size`.
    pub const RESERVED: [&str; 8] = [
        "wslink.",
        "trame.state.",
        "trame.lifecycle.",
        "trame.error.",
        "trame.force.",
        "application.",
        "selvedge.",
        TRIGGER,
    ];

    /// Returns whether a method belongs to the protocol.
    pub fn is_reserved(method: &str) -> bool {
        RESERVED.iter().any(|reserved| method.starts_with(reserved))
    }
}

/// Topics that servers publish on.
pub mod topic {
    /// Changes of the state: a map of keys and values.
    pub const STATE: &str = "trame.state.topic";
    /// Calls into the page.
    pub const ACTIONS: &str = "trame.actions.topic";
    /// Calls into one page that want a result.
    pub const PAGE_CALL: &str = "selvedge.page.call";
    /// Items that are appended to lists of the state.
    pub const APPEND: &str = "selvedge.append";
    /// The program ends soon.
    pub const DRAINING: &str = "selvedge.draining";
    /// A path that one page shows.
    pub const ROUTE: &str = "selvedge.route";
    /// Marks: numbers of changes.
    pub const MARK: &str = "selvedge.mark";
    /// Files that have changed since pages loaded them, in development.
    pub const RELOAD: &str = "selvedge.reload";
    /// Files that the page saves.
    pub const DOWNLOAD: &str = "selvedge.download";
    /// Dialogs that the page shows.
    pub const DIALOG: &str = "selvedge.dialog";
}

/// Keys of the state that mean something to pages.
pub mod key {
    /// Prefix of the keys that clients cannot change.
    pub const RESERVED: &str = "trame__";
    /// Prefix of the keys of templates.
    pub const TEMPLATE: &str = "trame__template_";
    /// URLs of scripts.
    pub const SCRIPTS: &str = "trame__scripts";
    /// URLs of scripts that are modules.
    pub const MODULE_SCRIPTS: &str = "trame__module_scripts";
    /// URLs of style sheets.
    pub const STYLES: &str = "trame__styles";
    /// Names of plugins of Vue.
    pub const VUE_USE: &str = "trame__vue_use";
    /// Keyboard shortcuts.
    pub const MOUSETRAP: &str = "trame__mousetrap";
    /// Keys that pages do not send to the server.
    pub const CLIENT_ONLY: &str = "trame__client_only";
    /// Number of calls in progress.
    pub const BUSY: &str = "trame__busy";
    /// Whether the user of a page may only look.
    pub const VIEWER: &str = "trame__viewer";
    /// The look of the built-in page.
    pub const THEME: &str = "trame__selvedge_theme";
    /// The routes of the built-in page.
    pub const ROUTES: &str = "trame__selvedge_routes";
    /// URL of the page's icon.
    pub const FAVICON: &str = "trame__favicon";
    /// Title of the page.
    pub const TITLE: &str = "trame__title";
}

/// The error codes of wslink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum ErrorCode {
    /// The secret is wrong, or a call came before the hello.
    Unauthorized = -32000,
    /// The method failed.
    Raised = -32001,
    /// The method returned a value that no message can carry.
    Unserializable = -32002,
    /// The request is invalid.
    Invalid = -32600,
    /// There is no such method.
    Unknown = -32601,
}
