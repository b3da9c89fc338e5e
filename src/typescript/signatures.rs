//! The parameters of registered functions.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::shape::Parameter;

/// What a function is registered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FunctionKind {
    Trigger,
    Method,
}

type Parameters = fn() -> Vec<Parameter>;

/// The parameters of the functions of one server.
#[derive(Debug, Default)]
pub(crate) struct Signatures(Mutex<BTreeMap<(FunctionKind, String), Parameters>>);

impl Signatures {
    /// Notes the parameters of a function, in place of those of an earlier one of this name.
    pub(crate) fn note(&self, kind: FunctionKind, name: &str, parameters: Parameters) {
        self.0.lock().insert((kind, name.to_owned()), parameters);
    }

    pub(crate) fn forget(&self, kind: FunctionKind, name: &str) {
        self.0.lock().remove(&(kind, name.to_owned()));
    }

    /// Returns the functions of a kind by name.
    pub(super) fn all(&self, kind: FunctionKind) -> Vec<(String, Vec<Parameter>)> {
        let noted = self.0.lock().clone();
        let of_kind = noted.into_iter().filter(|((other, _), _)| *other == kind);
        // Without the lock: it runs code of the application.
        of_kind.map(|((_, name), parameters)| (name, parameters())).collect()
    }
}
