//! The application's functions by name: triggers and the controller's functions, including
//! life-cycle hooks.
//!
//! They are looked up under a lock and called outside of it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use selvedge_wslink::text::similar;

use super::{callback::Function, trigger::TriggerSwitches};
use crate::app::Ctx;

/// An event in the life of the server or of a page, for [`Server::on`](crate::Server::on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lifecycle {
    /// The server is about to start; nothing is bound yet.
    ServerStart,
    /// The port is bound and known; no connection is answered yet.
    ServerBind,
    /// The server listens and the first flush is done.
    ServerReady,
    /// The server has stopped and its port is released. The stop waits up to 5 s for the hooks, and
    /// up to 500 ms for the tasks that they start.
    ServerExited,
    /// A part of the application requests a reload. The server never does.
    ServerReload,
    /// A page has mounted the application. Repeated after each reload and reconnect.
    ClientConnected,
    /// A page reports that it is closing. Not sent when the connection is lost.
    ClientExited,
    /// The application was unmounted in a page that stays open.
    ClientUnmounted,
    /// A client, page or program, has completed the hello.
    ConnectionOpened,
    /// A connection that had completed the hello has ended, for any reason.
    ConnectionClosed,
    /// A page reports an error of its own. The hook gets its text as argument.
    Error,
    /// A callback failed or panicked. The hook gets a text that names the callback and the failure.
    Exception,
    /// The program was launched again while it shows its window. The hook gets a
    /// [`Launch`](crate::window::Launch). Only in a desktop host, and only if multiple instances
    /// are not allowed.
    ///
    /// ```
    /// use selvedge::{Ctx, window::Launch, Lifecycle, Server};
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

    /// Returns whether `name` is the controller's function of an event.
    pub(crate) fn has_function(name: &str) -> bool {
        Self::ALL.iter().any(|event| event.function_name() == name)
    }

    /// Returns the event that a page reports under this name.
    pub(crate) fn from_page(name: &str) -> Option<Self> {
        match name {
            "client_connected" => Some(Lifecycle::ClientConnected),
            "client_exited" => Some(Lifecycle::ClientExited),
            "client_unmounted" => Some(Lifecycle::ClientUnmounted),
            _ => None,
        }
    }

    /// Returns the name of the controller's function for this event.
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

/// The role of a function among those of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Its value is the result of a call. A name has at most one.
    Main,
    /// Runs with every call.
    Added,
    /// Runs with the next call only.
    Once,
    /// Runs as a task that the call does not wait for.
    Task,
}

/// Identifies a registered function among those of the same name.
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

/// The functions that one call runs, with their roles: the main one first, tasks last.
pub(crate) type Calls<C> = Vec<(Role, Function<C>)>;

/// A trigger.
pub(crate) struct RegisteredTrigger<C> {
    pub(crate) function: Function<C>,
    pub(crate) switches: Arc<TriggerSwitches>,
}

impl<C> Clone for RegisteredTrigger<C> {
    fn clone(&self) -> Self {
        RegisteredTrigger {
            function: Arc::clone(&self.function),
            switches: Arc::clone(&self.switches),
        }
    }
}

/// An RPC method.
#[derive(Clone)]
pub(crate) struct Rpc {
    pub(crate) function: Function<Ctx>,
    /// Whether viewers may call it.
    pub(crate) for_viewers: bool,
}

/// The triggers and the controller's functions.
pub(crate) struct Functions<C> {
    triggers: RwLock<HashMap<String, RegisteredTrigger<C>>>,
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

    /// Generates a name for an anonymous trigger: `trigger__1` and so on.
    pub(crate) fn generate_name(&self) -> String {
        format!("trigger__{}", self.generated.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a trigger, replacing one of the same name. Returns its switches, which are off.
    pub(crate) fn set_trigger(&self, name: String, function: Function<C>) -> Arc<TriggerSwitches> {
        let switches = Arc::<TriggerSwitches>::default();
        let trigger = RegisteredTrigger { function, switches: Arc::clone(&switches) };
        self.triggers.write().insert(name, trigger);
        switches
    }

    /// Removes a trigger. Returns whether it existed.
    pub(crate) fn remove_trigger(&self, name: &str) -> bool {
        self.triggers.write().remove(name).is_some()
    }

    pub(crate) fn trigger(&self, name: &str) -> Option<RegisteredTrigger<C>> {
        self.triggers.read().get(name).cloned()
    }

    /// Returns the names of the triggers that viewers may call.
    pub(crate) fn triggers_for_viewers(&self) -> Vec<String> {
        let triggers = self.triggers.read();
        let open = triggers
            .iter()
            .filter(|(_, trigger)| trigger.switches.for_viewers.load(Ordering::Relaxed));
        open.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the names of the registered triggers.
    #[cfg(feature = "testing")]
    pub(crate) fn trigger_names(&self) -> Vec<String> {
        self.triggers.read().keys().cloned().collect()
    }

    /// Returns up to three registered triggers with names similar to `name`.
    pub(crate) fn similar_triggers(&self, name: &str) -> Vec<String> {
        let triggers = self.triggers.read();
        similar(triggers.keys().map(String::as_str), name)
    }

    /// Returns up to three functions with names similar to `name`.
    pub(crate) fn similar_functions(&self, name: &str) -> Vec<String> {
        let slots = self.slots.read();
        similar(slots.keys().map(String::as_str), name)
    }

    /// Registers a function. A main function replaces the previous main one.
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

    /// Removes a function. Returns whether it existed.
    pub(crate) fn remove(&self, name: &str, id: FunctionId) -> bool {
        let mut slots = self.slots.write();
        let Some(slot) = slots.get_mut(name) else {
            return false;
        };
        let before = slot.entries.len();
        slot.entries.retain(|entry| entry.id != id);
        slot.entries.len() < before
    }

    /// Removes all functions of a name, or all but the main one.
    pub(crate) fn clear(&self, name: &str, keep_main: bool) {
        if let Some(slot) = self.slots.write().get_mut(name) {
            slot.entries.retain(|entry| keep_main && entry.role == Role::Main);
        }
    }

    /// Returns whether a call would run anything.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let slots = self.slots.read();
        slots.get(name).is_some_and(|slot| !slot.entries.is_empty())
    }

    /// Sets whether a call without any function succeeds.
    pub(crate) fn enable_empty(&self, name: &str, enable: bool) {
        self.slots.write().entry(name.to_owned()).or_default().may_be_empty = enable;
    }

    /// Returns the functions that a call runs; `None` if there are none and that is an error.
    /// Functions for one call are removed.
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
    use crate::calls::callback::function;

    fn roles(functions: &Functions<()>) -> Option<Vec<Role>> {
        Some(functions.calls("f")?.into_iter().map(|(role, _)| role).collect())
    }

    #[test]
    fn a_misspelt_trigger_gets_suggestions() {
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
