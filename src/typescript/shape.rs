//! The shapes of Rust types, as serde sees them.

use std::time::UNIX_EPOCH;

use selvedge_wslink::Timestamp;
use serde::de::DeserializeOwned;
use serde_reflection::{ContainerFormat, Format, Registry, Samples, Tracer, TracerConfig};

/// The shape of a type.
#[derive(Debug, Default)]
pub struct Shape(Option<Traced>);

#[derive(Debug)]
pub(super) struct Traced {
    pub(super) format: Format,
    pub(super) containers: Registry,
}

/// Where a parameter of a callback comes from.
#[derive(Debug)]
pub enum Parameter {
    /// From the context of the call.
    Context,
    /// From one argument.
    One(Shape),
    /// From all remaining arguments.
    Rest,
    /// From the named arguments, which TypeScript does not check.
    Named,
}

impl Shape {
    /// Returns the shape of a type. Its `Deserialize` is run with values that serde makes up.
    pub fn of<T: DeserializeOwned>() -> Self {
        let mut tracer = Tracer::new(TracerConfig::default().is_human_readable(true));
        // A timestamp accepts only certain content.
        let mut samples = Samples::new();
        let known = tracer.trace_value(&mut samples, &Timestamp::from(UNIX_EPOCH));
        let traced = known.and_then(|_| tracer.trace_type::<T>(&samples));
        let Ok((format, _)) = traced else {
            return Shape(None);
        };
        // Variants that cannot be reached are left out of an enum, which would then say too much.
        let registry = tracer.registry();
        Shape(registry.ok().map(|containers| Traced { format, containers }))
    }

    pub(super) fn traced(&self) -> Option<&Traced> {
        self.0.as_ref()
    }

    /// Whether nothing (`null`) is a value of this type, so that an argument may be left out.
    pub(super) fn may_be_nothing(&self) -> bool {
        self.0.as_ref().is_some_and(|traced| traced.may_be_nothing(&traced.format))
    }
}

impl Traced {
    fn may_be_nothing(&self, format: &Format) -> bool {
        match format {
            Format::Option(_) | Format::Unit => true,
            Format::TypeName(name) => match self.containers.get(name) {
                Some(ContainerFormat::NewTypeStruct(inner)) => self.may_be_nothing(inner),
                _ => false,
            },
            _ => false,
        }
    }
}
