//! The functions that an application offers by name: triggers, and the controller's functions, among them the hooks on its
//! life cycle.
//!
//! They are looked up under a lock and called outside of it.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::RwLock;

use crate::{callback::Function, error::similar};

/// A moment in the life of the server or of a page, for [`Server::on`](crate::Server::on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lifecycle {
    /// The server is about to start; nothing is bound yet.
    ServerStart,
    /// The port is bound and known; no connection is answered yet.
    ServerBind,
    /// The server listens and the first flush is done.
    ServerReady,
    /// The server has stopped and its port is released. The stop waits for the hooks, for 5 s at most, and for the tasks that
    /// they start, for 500 ms at most.
    ServerExited,
    /// Something in the application asks for a reload. The server never does.
    ServerReload,
    /// A page has mounted the application. Comes again after each reload and reconnect.
    ClientConnected,
    /// A page says that it is going away. Not sent when the connection is lost.
    ClientExited,
    /// The application was unmounted in a page that stays open.
    ClientUnmounted,
    /// A connection has said who it is, be it a page or a program.
    ConnectionOpened,
    /// A connection that had said who it is has ended, for whatever reason.
    ConnectionClosed,
    /// A page reports an error of its own. The hook gets its text as argument.
    Error,
    /// A callback failed or panicked. The hook gets a text that names the callback and the failure.
    Exception,
    /// The program was launched again while it shows its window. The hook gets a [`Launch`](crate::Launch). Only in a
    /// desktop host, and not where several instances are allowed.
    ///
    /// ```
    /// use selvedge::{Ctx, Launch, Lifecycle, Server};
    ///
    /// let server = Server::new("viewer");
    /// server.on(Lifecycle::SecondLaunch, |cx: Ctx, launch: Launch| {
    ///     if let Some(file) = launch.args.get(1) {
    ///         cx.state().set("file", launch.cwd.join(file));
    ///     }
    /// });
    /// ```
    SecondLaunch,
}

impl Lifecycle {
    const ALL: [Lifecycle; 13] = [
        Lifecycle::ServerStart,
        Lifecycle::ServerBind,
        Lifecycle::ServerReady,
        Lifecycle::ServerExited,
        Lifecycle::ServerReload,
        Lifecycle::ClientConnected,
        Lifecycle::ClientExited,
        Lifecycle::ClientUnmounted,
        Lifecycle::ConnectionOpened,
        Lifecycle::ConnectionClosed,
        Lifecycle::Error,
        Lifecycle::Exception,
        Lifecycle::SecondLaunch,
    ];

    /// Whether a function of the controller has the name of an event.
    pub(crate) fn has_function(name: &str) -> bool {
        Self::ALL.iter().any(|event| event.function_name() == name)
    }

    /// The event that a page may announce under this name.
    pub(crate) fn from_page(name: &str) -> Option<Self> {
        match name {
            "client_connected" => Some(Lifecycle::ClientConnected),
            "client_exited" => Some(Lifecycle::ClientExited),
            "client_unmounted" => Some(Lifecycle::ClientUnmounted),
            _ => None,
        }
    }

    /// The name of the controller's function that is called then.
    pub fn function_name(self) -> &'static str {
        match self {
            Lifecycle::ServerStart => "on_server_start",
            Lifecycle::ServerBind => "on_server_bind",
            Lifecycle::ServerReady => "on_server_ready",
            Lifecycle::ServerExited => "on_server_exited",
            Lifecycle::ServerReload => "on_server_reload",
            Lifecycle::ClientConnected => "on_client_connected",
            Lifecycle::ClientExited => "on_client_exited",
            Lifecycle::ClientUnmounted => "on_client_unmounted",
            Lifecycle::ConnectionOpened => "on_connection_opened",
            Lifecycle::ConnectionClosed => "on_connection_closed",
            Lifecycle::Error => "on_error",
            Lifecycle::Exception => "on_exception",
            Lifecycle::SecondLaunch => "on_second_launch",
        }
    }
}

/// Which of the functions under one name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one whose value a call gives. There is one at most.
    Main,
    /// One of those that run with it.
    Added,
    /// Like an added one, for the next call only.
    Once,
    /// Runs beside the call, which does not wait for it.
    Task,
}

/// What tells a registered function from others of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FunctionId(u64);

struct Entry<C> {
    id: FunctionId,
    role: Role,
    function: Function<C>,
}

/// The functions under one name.
struct Slot<C> {
    entries: Vec<Entry<C>>,
    may_be_empty: bool,
}

impl<C> Default for Slot<C> {
    fn default() -> Self {
        Slot { entries: Vec::new(), may_be_empty: false }
    }
}

/// Functions that one call runs: their roles with them, the main one first and tasks last.
pub(crate) type Calls<C> = Vec<(Role, Function<C>)>;

/// Triggers and functions.
pub(crate) struct Functions<C> {
    triggers: RwLock<HashMap<String, Function<C>>>,
    slots: RwLock<HashMap<String, Slot<C>>>,
    next: AtomicU64,
    generated: AtomicU64,
}

impl<C> Functions<C> {
    pub(crate) fn new() -> Self {
        Functions {
            triggers: RwLock::default(),
            slots: RwLock::default(),
            next: AtomicU64::new(1),
            generated: AtomicU64::new(1),
        }
    }

    /// A name for a trigger that nobody named: `trigger__1` and so on.
    pub(crate) fn generate_name(&self) -> String {
        format!("trigger__{}", self.generated.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a trigger. A later one of the same name takes its place.
    pub(crate) fn set_trigger(&self, name: String, function: Function<C>) {
        self.triggers.write().insert(name, function);
    }

    /// Says whether there was one.
    pub(crate) fn remove_trigger(&self, name: &str) -> bool {
        self.triggers.write().remove(name).is_some()
    }

    pub(crate) fn trigger(&self, name: &str) -> Option<Function<C>> {
        self.triggers.read().get(name).cloned()
    }

    /// Up to three registered triggers whose names look like `name`.
    pub(crate) fn similar_triggers(&self, name: &str) -> Vec<String> {
        let triggers = self.triggers.read();
        similar(triggers.keys().map(String::as_str), name)
    }

    /// Up to three functions whose names look like `name`.
    pub(crate) fn similar_functions(&self, name: &str) -> Vec<String> {
        let slots = self.slots.read();
        similar(slots.keys().map(String::as_str), name)
    }

    /// Registers a function. A main one takes the place of the main one before it.
    pub(crate) fn add(&self, name: &str, role: Role, function: Function<C>) -> FunctionId {
        let id = FunctionId(self.next.fetch_add(1, Ordering::Relaxed));
        let mut slots = self.slots.write();
        let slot = slots.entry(name.to_owned()).or_default();
        if role == Role::Main {
            slot.entries.retain(|entry| entry.role != Role::Main);
        }
        slot.entries.push(Entry { id, role, function });
        id
    }

    /// Removes a function. Says whether it was there.
    pub(crate) fn remove(&self, name: &str, id: FunctionId) -> bool {
        let mut slots = self.slots.write();
        let Some(slot) = slots.get_mut(name) else {
            return false;
        };
        let before = slot.entries.len();
        slot.entries.retain(|entry| entry.id != id);
        slot.entries.len() < before
    }

    /// Removes all functions under a name, or all but the main one.
    pub(crate) fn clear(&self, name: &str, keep_main: bool) {
        if let Some(slot) = self.slots.write().get_mut(name) {
            slot.entries.retain(|entry| keep_main && entry.role == Role::Main);
        }
    }

    /// Whether a call would run anything.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let slots = self.slots.read();
        slots.get(name).is_some_and(|slot| !slot.entries.is_empty())
    }

    /// Says whether a call that runs nothing is fine.
    pub(crate) fn enable_empty(&self, name: &str, enable: bool) {
        self.slots.write().entry(name.to_owned()).or_default().may_be_empty = enable;
    }

    /// What a call runs; `None` where there is nothing and there should be. Those for one call are taken out.
    pub(crate) fn calls(&self, name: &str) -> Option<Calls<C>> {
        let mut slots = self.slots.write();
        let slot = slots.get_mut(name)?;
        if slot.entries.is_empty() {
            return slot.may_be_empty.then(Vec::new);
        }
        let of = |roles: &[Role]| -> Calls<C> {
            let chosen = slot.entries.iter().filter(|entry| roles.contains(&entry.role));
            chosen.map(|entry| (entry.role, entry.function.clone())).collect()
        };
        let calls = [of(&[Role::Main]), of(&[Role::Added, Role::Once]), of(&[Role::Task])].concat();
        slot.entries.retain(|entry| entry.role != Role::Once);
        Some(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::function;

    fn roles(functions: &Functions<()>) -> Option<Vec<Role>> {
        Some(functions.calls("f")?.into_iter().map(|(role, _)| role).collect())
    }

    #[test]
    fn a_misspelt_trigger_has_near_names() {
        let functions = Functions::<()>::new();
        for name in ["reset", "run", "export_png"] {
            functions.set_trigger(name.to_owned(), function(|_: ()| ()));
        }
        assert_eq!(functions.similar_triggers("rest"), ["reset"]);
        assert_eq!(functions.similar_triggers("exportpng"), ["export_png"]);
        assert!(functions.similar_triggers("something_else_altogether").is_empty());
        assert!(functions.remove_trigger("run") && !functions.remove_trigger("run"));
    }

    #[test]
    fn the_main_function_runs_first_and_tasks_last() {
        let functions = Functions::<()>::new();
        assert_eq!(roles(&functions), None);
        for role in [Role::Task, Role::Once, Role::Added, Role::Main, Role::Main] {
            functions.add("f", role, function(|_: ()| ()));
        }
        assert_eq!(roles(&functions).unwrap(), [Role::Main, Role::Once, Role::Added, Role::Task]);
        assert_eq!(roles(&functions).unwrap(), [Role::Main, Role::Added, Role::Task]);
        functions.clear("f", true);
        assert_eq!(roles(&functions).unwrap(), [Role::Main]);
        functions.clear("f", false);
        assert!(!functions.exists("f"));
        assert_eq!(roles(&functions), None);
        functions.enable_empty("f", true);
        assert_eq!(roles(&functions), Some(Vec::new()));
    }

    #[test]
    fn each_function_is_removed_by_its_own_id() {
        let functions = Functions::<()>::new();
        let first = functions.add("f", Role::Added, function(|_: ()| ()));
        let second = functions.add("f", Role::Once, function(|_: ()| ()));
        assert!(functions.remove("f", first) && !functions.remove("f", first));
        assert_eq!(roles(&functions).unwrap(), [Role::Once]);
        assert!(!functions.remove("f", second), "a function for one call is gone after it");
    }
}
