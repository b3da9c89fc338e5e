//! TypeScript declarations of an application: its state, triggers and RPC methods, for the scripts
//! of its modules.
//!
//! What must hold: types are those that serde decodes; what serde cannot describe, such as a type
//! that decodes itself, is `unknown`.

// - `shape`: the shapes of Rust types, as serde sees them
// - `declarations`: TypeScript for shapes and values
// - `signatures`: the parameters of registered functions

mod declarations;
pub(crate) mod shape;
pub(crate) mod signatures;

use declarations::Declarations;
use signatures::FunctionKind;

use crate::app::Server;

/// What scripts use of the page, in terms of the declared state and functions.
const INTERFACE: &str = include_str!("interface.d.ts");

impl Server {
    /// Returns TypeScript declarations of the state, the triggers and the RPC methods, for scripts that
    /// use `window.trame`. Needs the Cargo feature `typescript`.
    ///
    /// Keys of a [`Model`](trait@crate::Model) and other keys with a type have this type; others have
    /// that of their current value. Functions have the types of their parameters. A type that serde
    /// cannot describe, such as one that accepts anything, is `unknown`, and so are results.
    ///
    /// Write them to a file of the scripts, for example in a test, so that they are always up to
    /// date:
    ///
    /// ```
    /// use selvedge::{Ctx, Model, Server};
    ///
    /// #[derive(Model)]
    /// struct Pump {
    ///     speed: f64,
    ///     name: Option<String>,
    /// }
    ///
    /// let server = Server::new("pump");
    /// server.state().add_model::<Pump>()?;
    /// server.trigger("turn", |_: Ctx, degrees: f64, slowly: Option<bool>| ());
    /// let declarations = server.typescript();
    /// assert!(declarations.contains("speed: number;"));
    /// assert!(declarations.contains("name: string | null;"));
    /// assert!(declarations.contains("turn: [argument1: number, argument2?: boolean | null];"));
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn typescript(&self) -> String {
        let mut declarations = Declarations::default();
        let state = self.state_interface(&mut declarations);
        let triggers = self.functions_interface(&mut declarations, FunctionKind::Trigger);
        let methods = self.functions_interface(&mut declarations, FunctionKind::Method);
        let mut text = format!(
            "// The state and the functions of `{}`, for the scripts of its pages. Made by `Server::typescript`.\n\n",
            self.name()
        );
        text.push_str(&declarations.interface("State", &state));
        text.push_str(&declarations.interface("Triggers", &triggers));
        text.push_str(&declarations.interface("Methods", &methods));
        text.push_str(&declarations.named());
        text.push_str(INTERFACE);
        text
    }

    fn state_interface(&self, declarations: &mut Declarations) -> Vec<(String, String)> {
        let state = self.root_server().state().clone();
        let jobs = self.inner.jobs.names();
        let keys = state.all().into_iter().filter(|(key, _)| !key.starts_with("trame__"));
        keys.map(|(key, value)| {
            let written = match (state.shape_of(&key), of_job(&jobs, &key)) {
                (Some(shape), _) => declarations.of_shape(&shape),
                (None, Some(written)) => written.to_owned(),
                (None, None) => declarations::of_value(&value),
            };
            (key, written)
        })
        .collect()
    }

    fn functions_interface(
        &self,
        declarations: &mut Declarations,
        kind: FunctionKind,
    ) -> Vec<(String, String)> {
        let all = self.inner.signatures.all(kind);
        all.into_iter()
            .map(|(name, parameters)| (name, declarations.of_parameters(&parameters)))
            .collect()
    }
}

/// Returns the type of a key that follows a job.
fn of_job(jobs: &[String], key: &str) -> Option<&'static str> {
    jobs.iter().find_map(|job| match key.strip_prefix(job.as_str())? {
        "" => Some("JobStatus"),
        "_log" => Some("string[]"),
        "_history" => Some("PastRun[]"),
        _ => None,
    })
}
