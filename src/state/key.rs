//! Keys whose names and types the compiler knows.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc};

/// The name of a key, with the type of its value. A constant of a [`Model`](trait@crate::Model).
///
/// Its methods take what has a state: a [`State`](crate::State), a [`Server`](crate::Server), a
/// [`Ctx`](crate::Ctx) or a [`Job`](crate::jobs::Job). It also stands for the key in the methods of
/// these, in [`Server::on_change`](crate::Server::on_change) and, as a text, in
/// [`ui::el`](crate::ui::el).
///
/// ```
/// use selvedge::{Server, state::Key};
///
/// const COUNT: Key<i64> = Key::new("count");
///
/// let server = Server::new("doc");
/// COUNT.set(&server, 1);
/// COUNT.update(&server, |count| *count += 1)?;
/// assert_eq!(COUNT.get(&server)?, 2);
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail,E0308
/// # use selvedge::{Server, state::Key};
/// # const COUNT: Key<i64> = Key::new("count");
/// # let server = Server::new("doc");
/// COUNT.set(&server, "one");
/// ```
///
/// ```compile_fail,E0277
/// # use selvedge::{Server, state::Key};
/// # const COUNT: Key<i64> = Key::new("count");
/// # let server = Server::new("doc");
/// server.state().set(COUNT, "one");
/// ```
pub struct Key<T> {
    name: &'static str,
    value: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}

/// The name, which is also the expression in a template.
impl<T> fmt::Display for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<T> AsRef<str> for Key<T> {
    fn as_ref(&self) -> &str {
        self.name
    }
}

impl<T> From<Key<T>> for String {
    fn from(key: Key<T>) -> String {
        key.name.to_owned()
    }
}

/// A key whose value is a `T`: a [`Key<T>`](Key), or the name of any key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key whose value is a `{T}`",
    note = "a key is a name, such as `\"count\"`, or a `Key` with the type of its value"
)]
pub trait KeyOf<T>: AsRef<str> {}

/// A key that can be set to a `V`: a [`Key`] of this type, or the name of any key. A reference to a
/// value stands for the value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be set to a `{V}`",
    note = "a key is a name, such as `\"count\"`, or a `Key` with the type of its value"
)]
pub trait KeyFor<V>: AsRef<str> {}

impl<T> KeyOf<T> for Key<T> {}
impl<T> KeyFor<T> for Key<T> {}
impl<T> KeyFor<&T> for Key<T> {}
impl KeyFor<&str> for Key<String> {}

macro_rules! names {
    ($($name:ty),*) => {
        $(impl<T> KeyOf<T> for $name {}
        impl<V> KeyFor<V> for $name {})*
    };
}

names!(&str, &&str, String, &String, Cow<'_, str>, &Cow<'_, str>, Arc<str>, &Arc<str>);

impl<T> Key<T> {
    /// Returns the key of this name.
    pub const fn new(name: &'static str) -> Self {
        Key { name, value: PhantomData }
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Server;

    const NAME: Key<String> = Key::new("name");
    const COUNT: Key<i64> = Key::new("count");

    #[test]
    fn a_key_takes_its_values_and_references_to_them() {
        let server = Server::new("keys");
        let (name, count) = ("Ada".to_owned(), 3);
        server.state().set(NAME, &name).set(COUNT, count);
        assert_eq!(
            (server.state().get(NAME).unwrap(), server.state().get(COUNT).unwrap()),
            (name, 3)
        );
        server.state().set(NAME, "Grace").set(COUNT, 4).batch(|batch| {
            batch.set(NAME, "Alan".to_owned()).set("other", 1.5);
        });
        server.state().update(COUNT, |count| *count += 1).unwrap();
        assert_eq!(server.state().get(NAME).unwrap(), "Alan");
        assert_eq!(server.state().get(COUNT).unwrap(), 5);
    }
}
