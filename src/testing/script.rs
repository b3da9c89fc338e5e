//! The page's code in a JavaScript engine.

use std::{fmt, io::Read};

use flate2::read::GzDecoder;
use parking_lot::Mutex;
use rquickjs::{
    CatchResultExt, Context, Ctx, FromJs, Function, Object, Runtime, function::IntoArgs,
};
use rust_embed::RustEmbed;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Error, Result};

const NOT_BUILT: &str = "the web page is not part of this build, and tests of pages run its code. Install Node.js 20 or newer \
    with npm and build again";

#[derive(RustEmbed)]
#[folder = "$SELVEDGE_PAGE"]
#[include = "testing.js.gz"]
#[allow_missing = true]
struct Code;

/// The page's code, loaded. Its functions are those of `ui/src/testing/main.ts`.
pub(super) struct Script {
    context: Mutex<Context>,
    runtime: Runtime,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

impl Script {
    pub(super) fn load() -> Result<Self> {
        let code = Code::get("testing.js.gz").ok_or_else(|| failed(NOT_BUILT))?;
        let mut source = String::new();
        GzDecoder::new(&*code.data).read_to_string(&mut source).map_err(failed)?;
        let runtime = Runtime::new().map_err(failed)?;
        let context = Context::full(&runtime).map_err(failed)?;
        let loaded = context.with(|ctx| ctx.eval::<(), _>(source).catch(&ctx).map_err(failed));
        loaded.map(|()| Script { context: Mutex::new(context), runtime })
    }

    pub(super) fn open(&self, values: &Map<String, Value>, triggers: &[String]) -> Result {
        self.call("open", (json(values), json(triggers)))
    }

    pub(super) fn apply(&self, values: &Map<String, Value>) -> Result {
        self.call("apply", (json(values),))
    }

    /// Returns what the page has done since the last time.
    pub(super) fn take<T: DeserializeOwned>(&self) -> Result<T> {
        parsed(&self.call::<String>("take", ())?)
    }

    pub(super) fn answer(&self, id: u32, answer: Result<Value, String>) -> Result {
        let (succeeded, value) = match answer {
            Ok(value) => (true, value),
            Err(reason) => (false, reason.into()),
        };
        self.call("answer", (id, succeeded, json(&value)))
    }

    pub(super) fn press(&self, name: &str) -> Result {
        refused(self.call("press", (name,))?)
    }

    pub(super) fn fill(&self, name: &str, text: &str) -> Result {
        refused(self.call("fill", (name, text))?)
    }

    pub(super) fn back(&self) -> Result {
        self.call("back", ())
    }

    pub(super) fn text(&self) -> Result<String> {
        self.call("text", ())
    }

    pub(super) fn mistakes(&self) -> Result<Vec<String>> {
        parsed(&self.call::<String>("mistakes", ())?)
    }

    /// Calls a function of the page, and then what waits for the end of the current task.
    fn call<R>(&self, function: &str, args: impl for<'js> IntoArgs<'js>) -> Result<R>
    where
        R: for<'js> FromJs<'js>,
    {
        let result = self.context.lock().with(|ctx| {
            let called = |ctx: &Ctx<'_>| {
                let page: Object<'_> = ctx.globals().get("selvedge")?;
                page.get::<_, Function<'_>>(function)?.call(args)
            };
            called(&ctx).catch(&ctx).map_err(failed)
        });
        while self.runtime.is_job_pending() {
            // A callback that throws is reported by the page itself.
            let _ = self.runtime.execute_pending_job();
        }
        result
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    // Values of JSON are always encoded.
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(failed)
}

fn refused(reason: Option<String>) -> Result {
    reason.map_or(Ok(()), |reason| Err(Error::Page(reason)))
}

fn failed(error: impl fmt::Display) -> Error {
    Error::Page(error.to_string())
}
