//! Values that the parts of an application share with each other and not with the clients.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

use parking_lot::RwLock;

use super::State;

/// Values of the application that stay on the server: one value of each type, and a state that no
/// client sees.
///
/// ```
/// struct Database(&'static str);
///
/// let server = selvedge::Server::new("doc");
/// server.context().insert(Database("readings"));
/// assert_eq!(server.context().get::<Database>().map(|database| database.0), Some("readings"));
/// server.context().state().set("retries", 3);
/// ```
#[derive(Clone)]
pub struct Context {
    values: Arc<RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>,
    state: State,
}

impl Context {
    pub(crate) fn new() -> Self {
        Context { values: Arc::default(), state: State::private() }
    }

    /// Returns the same context with the state's names translated, for a part of the application.
    pub(crate) fn translated(&self, translator: super::Translator) -> Self {
        Context { values: Arc::clone(&self.values), state: self.state.translated(translator) }
    }

    /// Stores a value and returns the previous value of this type.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let mut values = self.values.write();
        values.insert(TypeId::of::<T>(), Arc::new(value))?.downcast().ok()
    }

    /// Returns the value of a type, if one was inserted.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.values.read();
        Arc::clone(values.get(&TypeId::of::<T>())?).downcast().ok()
    }

    /// Removes and returns the value of a type.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let mut values = self.values.write();
        values.remove(&TypeId::of::<T>())?.downcast().ok()
    }

    /// A state with flushes and listeners like the shared one, but never sent to clients.
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.read();
        f.debug_struct("Context").field("values", &values.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let context = Context::new();
        assert!(context.insert(1u8).is_none());
        assert_eq!(context.insert(2u8).as_deref(), Some(&1));
        context.insert("text");
        assert_eq!(context.get::<u8>().as_deref(), Some(&2));
        assert_eq!(context.remove::<&str>().as_deref(), Some(&"text"));
        assert!(context.get::<&str>().is_none());
    }
}
