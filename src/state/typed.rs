//! Typed views of the state: one key, or the fields of a struct.

use std::{fmt, marker::PhantomData};

use indexmap::IndexMap;
use selvedge_wslink::Packed;
use serde::{
    Deserializer, Serialize,
    de::{DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};

use super::State;
use crate::Result;

impl State {
    /// Reads the fields of a struct, all at one moment. The counterpart of
    /// [`extend`](Self::extend).
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
    /// [`values::Error::Decode`](crate::values::Error::Decode) if a field is of another type, or
    /// was never set and is not optional. The error names the field.
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T> {
        let Some(names) = field_names::<T>() else {
            let error = selvedge_wslink::Error::Decode {
                what: "the state".to_owned(),
                type_name: std::any::type_name::<T>(),
                reason: "only structs with named fields can be read".to_owned(),
            };
            return Err(error.into());
        };
        let inner = self.store.lock();
        let value = |name: &&str| {
            let value = inner.current(&self.name(name))?.clone();
            Some(((*name).to_owned(), value))
        };
        let values: IndexMap<String, Packed> = names.iter().filter_map(value).collect();
        // Decoding runs application code, so no lock may be held.
        drop(inner);
        Ok(Packed::encode_map(&values).decode_as("the state")?)
    }

    /// Returns a typed handle to one key. The type also applies to pages: a page that sets the key
    /// to a value of another type gets an error and the true value.
    ///
    /// An empty number field has the text `""`. If the type can be nothing, such as `Option<f64>`,
    /// it becomes nothing (`null`). If a key has handles of several types, a value must be of each
    /// of them.
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
        let name = name.into();
        self.expect_type::<T>(&name);
        Handle { state: self.clone(), name, value: PhantomData }
    }
}

/// One key of a state; see [`State::key`].
pub struct Handle<T> {
    state: State,
    name: String,
    value: PhantomData<fn(T) -> T>,
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("name", &self.name).finish_non_exhaustive()
    }
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

    /// Returns the current value.
    ///
    /// # Errors
    /// [`values::Error::Decode`](crate::values::Error::Decode) if the value is of another type,
    /// [`Error::Unknown`](crate::Error::Unknown) if the key was never set.
    pub fn get(&self) -> Result<T> {
        self.state.get(&self.name)
    }

    /// Sets the value; see [`State::set`].
    pub fn set(&self, value: T) {
        self.state.set(&self.name, value);
    }

    /// Changes the value in place; see [`State::update`].
    ///
    /// # Errors
    /// Those of [`State::update`].
    pub fn update(&self, edit: impl FnMut(&mut T)) -> Result<()> {
        self.state.update(&self.name, edit)
    }
}

/// Returns the names of a struct's fields; `None` for other types.
fn field_names<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut names = None;
    // Always fails, since there is nothing to read.
    drop(T::deserialize(FieldNames(&mut names)));
    names
}

/// A deserializer that records the fields that a struct asks for, and contains no data.
struct FieldNames<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("there are only names"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = Some(fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
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
