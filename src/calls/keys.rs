//! The keys that listeners watch, and what their types demand of a listener.

use crate::state::Key;

/// The keys that a listener watches: one or several, by their names or as [`Key`]s.
pub trait Keys {
    /// The types of the values, as a tuple; [`AnyValues`] if only the names are known.
    type Values;

    /// Returns the names of the keys, in the order in which the listener receives their values.
    fn names(self) -> Vec<String>;
}

/// The values of keys whose types are not known at compile time.
#[derive(Debug)]
pub enum AnyValues {}

/// A kind of function that takes these values after its context.
#[diagnostic::on_unimplemented(
    message = "the parameters of the listener are not of the types of its keys",
    note = "after the `Ctx`, a listener on `Key`s takes exactly one parameter for each key, of the type of the key: {Values}"
)]
pub trait Takes<Values> {}

impl<M> Takes<AnyValues> for M {}

impl Keys for &str {
    type Values = AnyValues;

    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl<const N: usize> Keys for [&str; N] {
    type Values = AnyValues;

    fn names(self) -> Vec<String> {
        self.iter().map(|name| (*name).to_owned()).collect()
    }
}

impl Keys for Vec<String> {
    type Values = AnyValues;

    fn names(self) -> Vec<String> {
        self
    }
}

impl<T> Keys for Key<T> {
    type Values = (T,);

    fn names(self) -> Vec<String> {
        vec![self.into()]
    }
}

macro_rules! typed_keys {
    ($($value:ident),*) => {
        impl<K, M, R, $($value),*> Takes<($($value,)*)> for (K, M, fn($($value),*) -> R) {}
    };
}

macro_rules! tuples_of_keys {
    ($($value:ident),*) => {
        typed_keys!($($value),*);

        impl<$($value),*> Keys for ($(Key<$value>,)*) {
            type Values = ($($value,)*);

            #[allow(non_snake_case)]
            fn names(self) -> Vec<String> {
                let ($($value,)*) = self;
                vec![$($value.into()),*]
            }
        }
    };
}

typed_keys!(A1);
tuples_of_keys!(A1, A2);
tuples_of_keys!(A1, A2, A3);
tuples_of_keys!(A1, A2, A3, A4);
tuples_of_keys!(A1, A2, A3, A4, A5);
tuples_of_keys!(A1, A2, A3, A4, A5, A6);
