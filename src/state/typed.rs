//! Typed views of state: one key, or the fields of a struct.

use std::marker::PhantomData;

use serde::{
    Serialize,
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::State;
use crate::{Error, Result};

impl State {
    /// The values of a struct's fields, as they are at one moment. The counterpart of [`extend`](Self::extend).
    ///
    /// ```
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Settings {
    ///     speed: f64,
    ///     label: Option<String>,
    /// }
    ///
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("speed", 0.5);
    /// let settings: Settings = server.state().extract()?;
    /// assert!(settings.speed == 0.5 && settings.label.is_none());
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Decode`] when a field is of another type, or was never set and is not optional. The error names the field.
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(Fields(self)).map_err(|Refused(reason)| Error::Decode {
            what: "the state".to_owned(),
            type_name: std::any::type_name::<T>(),
            reason,
        })
    }

    /// A handle to one key, with its type.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// let count = server.state().key::<i64>("count");
    /// count.set(1);
    /// count.update(|count| *count += 1)?;
    /// assert_eq!(count.get()?, 2);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn key<T: Serialize + DeserializeOwned>(&self, name: impl Into<String>) -> Handle<T> {
        Handle { state: self.clone(), name: name.into(), value: PhantomData }
    }
}

/// One key of a state, see [`State::key`].
pub struct Handle<T> {
    state: State,
    name: String,
    value: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Handle { state: self.state.clone(), name: self.name.clone(), value: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned> Handle<T> {
    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The current value.
    ///
    /// # Errors
    /// [`Error::Decode`] when the value is of another type, for one because a page has set it.
    pub fn get(&self) -> Result<T> {
        self.state.get(&self.name)
    }

    /// Sets the value, see [`State::set`].
    pub fn set(&self, value: T) {
        self.state.set(&self.name, value);
    }

    /// Changes the value in place, see [`State::update`].
    ///
    /// # Errors
    /// Those of [`State::update`].
    pub fn update(&self, edit: impl FnMut(&mut T)) -> Result<()> {
        self.state.update(&self.name, edit)
    }
}

/// Reads a struct field by field out of a state.
struct Fields<'a>(&'a State);

/// Why serde did not take it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl serde::de::Error for Refused {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Refused(message.to_string())
    }
}

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::custom("only structs with named fields can be read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let inner = self.0.store.lock();
        let value = |name: &&'static str| Some((*name, inner.current(&self.0.name(name))?.clone()));
        let values: Vec<_> = fields.iter().filter_map(value).collect();
        // Decoding runs code of the application, for which no lock may be held.
        drop(inner);
        visitor.visit_map(Values { values: values.into_iter(), next: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Values<I> {
    values: I,
    next: Option<(&'static str, crate::Packed)>,
}

impl<'de, I: Iterator<Item = (&'static str, crate::Packed)>> MapAccess<'de> for Values<I> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.next = self.values.next();
        let Some((name, _)) = &self.next else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Refused> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let Some((name, value)) = self.next.take() else {
            return Err(Refused::custom("a value without a key"));
        };
        value.decode_seed(seed).map_err(|reason| Refused(format!("`{name}`: {reason}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Model {
        count: i64,
        name: Option<String>,
        #[serde(rename = "points_2d", default)]
        points: Vec<[f64; 2]>,
    }

    #[test]
    fn a_struct_goes_in_and_comes_out() {
        let state = State::new();
        let model = Model { count: 3, name: None, points: vec![[1.0, 2.0]] };
        state.extend(&model).unwrap();
        assert!(state.has("points_2d"));
        assert_eq!(state.extract::<Model>().unwrap(), model);
    }

    #[test]
    fn missing_fields_are_defaults_or_errors_that_name_them() {
        let state = State::new();
        let error = state.extract::<Model>().unwrap_err().to_string();
        assert!(error.contains("count"), "{error}");
        state.set("count", 1);
        let expected = Model { count: 1, name: None, points: Vec::new() };
        assert_eq!(state.extract::<Model>().unwrap(), expected);
        state.set("count", "text");
        let error = state.extract::<Model>().unwrap_err().to_string();
        assert!(error.contains("`count`"), "{error}");
    }

    #[test]
    fn a_child_reads_its_own_names() {
        let state = State::new();
        let child = state.translated(crate::state::Translator::with_prefix("p_"));
        child.extend(&Model { count: 5, name: None, points: Vec::new() }).unwrap();
        assert_eq!(state.get::<i64>("p_count").unwrap(), 5);
        assert_eq!(child.extract::<Model>().unwrap().count, 5);
        assert_eq!(child.key::<i64>("count").get().unwrap(), 5);
        assert!(state.extract::<Model>().is_err());
    }
}
