//! Models, which declare keys, and what keys do with a state.

use selvedge_wslink::Packed;
use serde::{Serialize, de::DeserializeOwned};

use super::{Key, State};
use crate::Result;

impl<T: Serialize + DeserializeOwned> Key<T> {
    /// Returns the current value.
    ///
    /// # Errors
    /// Those of [`State::get`].
    pub fn get(self, state: impl AsRef<State>) -> Result<T> {
        state.as_ref().get(self)
    }

    /// Sets the value; see [`State::set`].
    pub fn set(self, state: impl AsRef<State>, value: T) {
        state.as_ref().set(self, value);
    }

    /// Changes the value in place; see [`State::update`].
    ///
    /// # Errors
    /// Those of [`State::update`].
    pub fn update(self, state: impl AsRef<State>, edit: impl FnMut(&mut T)) -> Result<()> {
        state.as_ref().update(self, edit)
    }
}

/// A part of the state as a struct: each field is a key, with its type, its initial value and its
/// rules. Made by `#[derive(Model)]`.
///
/// The derive adds a constant for each field, in capitals, so that a misspelt key or a value of
/// another type does not compile. [`State::add_model`] declares the keys.
///
/// ```
/// use selvedge::{Ctx, Failure, Model, Server, ui::el};
///
/// #[derive(Model)]
/// struct Pump {
///     /// Revolutions per minute.
///     #[model(default = 300.0, check = within_limits)]
///     speed: f64,
///     /// In bar.
///     #[model(read_only, transient)]
///     pressure: f64,
///     name: String,
/// }
///
/// fn within_limits(speed: f64) -> Result<(), Failure> {
///     match speed {
///         0.0..=1500.0 => Ok(()),
///         _ => Err(Failure::msg("the speed has to be between 0 and 1500")),
///     }
/// }
///
/// let server = Server::new("doc");
/// server.state().add_model::<Pump>()?;
/// server.on_change(Pump::SPEED, |cx: Ctx, speed: f64| Pump::PRESSURE.set(&cx, speed / 100.0));
/// server.template("main", el("input").attr("type", "range").model(Pump::SPEED));
/// let pump = Pump::read(&server)?;
/// assert_eq!((pump.speed, pump.name.as_str()), (300.0, ""));
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// | attribute | meaning |
/// | --- | --- |
/// | `default = …` | the initial value; otherwise that of `Default` |
/// | `rename = "…"` | the name of the key; otherwise that of the field |
/// | `read_only` | pages cannot set it; see [`State::read_only`] |
/// | `transient` | it is not kept across restarts; see [`State::transient`] |
/// | `check = …` | a function that checks what pages set; see [`State::validate`] |
///
/// The parameters of a listener are the types of its keys:
///
/// ```compile_fail,E0277
/// # use selvedge::{Ctx, Model, Server};
/// # #[derive(Model)]
/// # struct Pump { speed: f64 }
/// # let server = Server::new("doc");
/// server.on_change(Pump::SPEED, |_: Ctx, speed: String| drop(speed));
/// ```
///
/// A key that is not a field does not exist:
///
/// ```compile_fail,E0599
/// # use selvedge::{Model, Server};
/// # #[derive(Model)]
/// # struct Pump { speed: f64 }
/// # let server = Server::new("doc");
/// Pump::SPED.set(&server, 1.0);
/// ```
pub trait Model: Sized {
    /// Declares the keys; see [`State::add_model`].
    ///
    /// # Errors
    /// Those of [`State::set_default`].
    fn declare(state: &State) -> Result<()>;

    /// Reads all fields, at one moment.
    ///
    /// # Errors
    /// [`values::Error::Decode`](crate::values::Error::Decode) if a field is of another type, or was
    /// never set and cannot be nothing. The error names the field.
    fn read(state: impl AsRef<State>) -> Result<Self>;

    /// Sets all fields, in one step.
    fn write(&self, state: impl AsRef<State>);
}

impl State {
    /// Declares the keys of a model: their types, their rules, and their initial values, unless they
    /// have values already.
    ///
    /// # Errors
    /// Those of [`set_default`](Self::set_default).
    pub fn add_model<M: Model>(&self) -> Result<()> {
        M::declare(self)
    }

    /// Returns the values of several keys at one moment, for derived models; nil for a key that was
    /// never set.
    #[doc(hidden)]
    pub fn packed_together(&self, keys: &[&str]) -> Vec<Packed> {
        let inner = self.store.lock();
        let value = |key: &&str| inner.current(&self.name(key)).cloned().unwrap_or(Packed::nil());
        keys.iter().map(value).collect()
    }
}

impl AsRef<State> for State {
    fn as_ref(&self) -> &State {
        self
    }
}
