//! The functions that an application offers by name: triggers, and hooks on its life cycle.
//!
//! They are looked up under a lock and called outside of it.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::callback::Function;

/// A moment in the life of the server or of a page, for [`Server::on`](crate::Server::on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lifecycle {
    /// The server is about to start; nothing is bound yet.
    ServerStart,
    /// The server listens and the first flush is done.
    ServerReady,
    /// The server has stopped and its port is released. The stop waits for async hooks.
    ServerExited,
    /// A page has mounted the application. Comes again after each reload and reconnect.
    ClientConnected,
    /// A page says that it is going away. Not sent when the connection is lost.
    ClientExited,
    /// The application was unmounted in a page that stays open.
    ClientUnmounted,
    /// A page reports an error of its own. The hook gets its text as argument.
    Error,
    /// A callback failed or panicked. The hook gets a text that names the callback and the failure.
    Exception,
}

impl Lifecycle {
    /// The event that a page may announce under this name.
    pub(crate) fn from_page(name: &str) -> Option<Self> {
        match name {
            "client_connected" => Some(Lifecycle::ClientConnected),
            "client_exited" => Some(Lifecycle::ClientExited),
            "client_unmounted" => Some(Lifecycle::ClientUnmounted),
            _ => None,
        }
    }
}

/// Triggers and hooks.
pub(crate) struct Controller<C> {
    triggers: RwLock<HashMap<String, Function<C>>>,
    hooks: RwLock<HashMap<Lifecycle, Vec<Function<C>>>>,
    generated: AtomicU64,
}

impl<C> Controller<C> {
    pub(crate) fn new() -> Self {
        Controller {
            triggers: RwLock::default(),
            hooks: RwLock::default(),
            generated: AtomicU64::new(1),
        }
    }

    /// A name for a trigger that nobody named: `trigger__1` and so on.
    pub(crate) fn generate_name(&self) -> String {
        format!(
            "trigger__{}",
            self.generated.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// Registers a trigger. A later one of the same name takes its place.
    pub(crate) fn set_trigger(&self, name: String, function: Function<C>) {
        self.triggers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, function);
    }

    pub(crate) fn trigger(&self, name: &str) -> Option<Function<C>> {
        self.triggers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Up to three registered names that look like `name`.
    pub(crate) fn similar_triggers(&self, name: &str) -> Vec<String> {
        let triggers = self.triggers.read().unwrap_or_else(PoisonError::into_inner);
        let mut near: Vec<(usize, &String)> = triggers
            .keys()
            .map(|known| (edit_distance(known, name), known))
            .filter(|(distance, known)| *distance <= known.len().max(name.len()) / 2)
            .collect();
        near.sort();
        near.into_iter()
            .take(3)
            .map(|(_, known)| known.clone())
            .collect()
    }

    pub(crate) fn add_hook(&self, event: Lifecycle, function: Function<C>) {
        let mut hooks = self.hooks.write().unwrap_or_else(PoisonError::into_inner);
        hooks.entry(event).or_default().push(function);
    }

    /// The hooks on an event, in order of registration.
    pub(crate) fn hooks(&self, event: Lifecycle) -> Vec<Function<C>> {
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner);
        hooks.get(&event).cloned().unwrap_or_default()
    }
}

/// How many characters must be added, removed or replaced to get from one name to the other.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::function;

    #[test]
    fn a_misspelt_trigger_has_near_names() {
        let controller = Controller::<()>::new();
        for name in ["reset", "run", "export_png"] {
            controller.set_trigger(name.to_owned(), function(|_: ()| ()));
        }
        assert_eq!(controller.similar_triggers("rest"), ["reset"]);
        assert_eq!(controller.similar_triggers("exportpng"), ["export_png"]);
        assert!(
            controller
                .similar_triggers("something_else_altogether")
                .is_empty()
        );
    }
}
