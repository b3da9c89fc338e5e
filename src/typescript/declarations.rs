//! TypeScript for shapes and values.

use std::{collections::BTreeMap, fmt::Write};

use selvedge_wslink::Packed;
use serde_json::Value;
use serde_reflection::{ContainerFormat, Format, Named, VariantFormat};

use super::shape::{Parameter, Shape, Traced};

/// The names by which serde knows the library's own types.
const OWN: [(&str, &str); 2] =
    [("$selvedge_wslink::Attachment", "Uint8Array"), ("_ExtStruct", "Date")];

/// Names of TypeScript that a type of the application must not take.
const TAKEN: [&str; 15] = [
    "JobState",
    "JobStatus",
    "PastRun",
    "State",
    "Triggers",
    "Methods",
    "SharedState",
    "Trame",
    "Values",
    "Arguments",
    "Window",
    "Record",
    "Promise",
    "Partial",
    "Date",
];

/// The types of the application that have names of their own, with their text.
#[derive(Default)]
pub(super) struct Declarations {
    named: BTreeMap<String, String>,
    /// The names by what they stand for: two types of one name are told apart.
    names: Vec<((String, ContainerFormat), String)>,
}

impl Declarations {
    /// Returns an interface with these properties.
    pub(super) fn interface(&self, name: &str, properties: &[(String, String)]) -> String {
        let mut text = format!("export interface {name} {{\n");
        for (key, written) in properties {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  {}: {written};", property_name(key));
        }
        text + "}\n\n"
    }

    /// Returns the types that the others refer to.
    pub(super) fn named(&self) -> String {
        let written =
            |(name, text): (&String, &String)| format!("export type {name} = {text};\n\n");
        self.named.iter().map(written).collect()
    }

    pub(super) fn of_shape(&mut self, shape: &Shape) -> String {
        match shape.traced() {
            Some(traced) => self.of_format(traced, &traced.format),
            None => "unknown".to_owned(),
        }
    }

    /// Returns the arguments of a function as a tuple.
    pub(super) fn of_parameters(&mut self, parameters: &[Parameter]) -> String {
        let mut taken: Vec<(String, bool)> = Vec::new();
        let mut rest = None;
        for parameter in parameters {
            match parameter {
                Parameter::One(shape) => taken.push((self.of_shape(shape), shape.may_be_nothing())),
                Parameter::Rest => rest = Some("...rest: unknown[]".to_owned()),
                Parameter::Context | Parameter::Named => {}
            }
        }
        // Only arguments at the end can be left out.
        let needed =
            taken.iter().rposition(|(_, may_be_nothing)| !may_be_nothing).map_or(0, |at| at + 1);
        let argument = |(at, (written, _)): (usize, (String, bool))| {
            let optional = if at < needed { "" } else { "?" };
            format!("argument{}{optional}: {written}", at + 1)
        };
        let arguments: Vec<_> = taken.into_iter().enumerate().map(argument).chain(rest).collect();
        format!("[{}]", arguments.join(", "))
    }

    fn of_format(&mut self, traced: &Traced, format: &Format) -> String {
        match format {
            Format::Variable(_) | Format::I128 | Format::U128 => "unknown".to_owned(),
            Format::TypeName(name) => self.of_container(traced, name),
            Format::Unit => "null".to_owned(),
            Format::Bool => "boolean".to_owned(),
            Format::I8 | Format::I16 | Format::I32 | Format::U8 | Format::U16 | Format::U32 => {
                "number".to_owned()
            }
            // Beyond 2^53 it is a BigInt. Declarations that say so would make every use of a count
            // a conversion.
            Format::I64 | Format::U64 | Format::F32 | Format::F64 => "number".to_owned(),
            Format::Char | Format::Str => "string".to_owned(),
            Format::Bytes => "Uint8Array".to_owned(),
            Format::Option(inner) => format!("{} | null", self.of_format(traced, inner)),
            Format::Seq(inner) | Format::TupleArray { content: inner, .. } => {
                format!("{}[]", grouped(self.of_format(traced, inner)))
            }
            Format::Map { value, .. } => {
                format!("Record<string, {}>", self.of_format(traced, value))
            }
            Format::Tuple(items) => self.tuple(traced, items),
        }
    }

    fn tuple(&mut self, traced: &Traced, items: &[Format]) -> String {
        let items: Vec<_> = items.iter().map(|item| self.of_format(traced, item)).collect();
        format!("[{}]", items.join(", "))
    }

    /// Returns the name of a container, whose declaration is added.
    fn of_container(&mut self, traced: &Traced, name: &str) -> String {
        if let Some((_, written)) = OWN.iter().find(|(own, _)| *own == name) {
            return (*written).to_owned();
        }
        let Some(container) = traced.containers.get(name) else {
            return "unknown".to_owned();
        };
        if let ContainerFormat::NewTypeStruct(inner) = container {
            return self.of_format(traced, inner);
        }
        let known = (name.to_owned(), container.clone());
        if let Some((_, name)) = self.names.iter().find(|(other, _)| *other == known) {
            return name.clone();
        }
        let name = self.free_name(identifier(name));
        self.names.push((known, name.clone()));
        // First a placeholder, for types that contain themselves.
        self.named.insert(name.clone(), "unknown".to_owned());
        let text = self.container(traced, container);
        self.named.insert(name.clone(), text);
        name
    }

    fn free_name(&self, name: String) -> String {
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| !self.named.contains_key(name)).unwrap_or(name)
    }

    fn container(&mut self, traced: &Traced, container: &ContainerFormat) -> String {
        match container {
            ContainerFormat::UnitStruct => "null".to_owned(),
            ContainerFormat::NewTypeStruct(inner) => self.of_format(traced, inner),
            ContainerFormat::TupleStruct(items) => self.tuple(traced, items),
            ContainerFormat::Struct(fields) => self.fields(traced, fields),
            ContainerFormat::Enum(variants) => {
                let variants: Vec<_> =
                    variants.values().map(|variant| self.variant(traced, variant)).collect();
                variants.join(" | ")
            }
        }
    }

    fn fields(&mut self, traced: &Traced, fields: &[Named<Format>]) -> String {
        let fields: Vec<_> = fields
            .iter()
            .map(|field| {
                format!("{}: {}", property_name(&field.name), self.of_format(traced, &field.value))
            })
            .collect();
        format!("{{ {} }}", fields.join("; "))
    }

    fn variant(&mut self, traced: &Traced, variant: &Named<VariantFormat>) -> String {
        let content = match &variant.value {
            VariantFormat::Unit | VariantFormat::Variable(_) => return text(&variant.name),
            VariantFormat::NewType(inner) => self.of_format(traced, inner),
            VariantFormat::Tuple(items) => self.tuple(traced, items),
            VariantFormat::Struct(fields) => self.fields(traced, fields),
        };
        format!("{{ {}: {content} }}", property_name(&variant.name))
    }
}

/// Returns the type of a value of a key that has no declared type.
pub(super) fn of_value(value: &Packed) -> String {
    if value.is_nil() {
        return "unknown".to_owned();
    }
    match value.decode::<Value>() {
        Ok(Value::Bool(_)) => "boolean",
        Ok(Value::Number(_)) => "number",
        Ok(Value::String(_)) => "string",
        Ok(Value::Array(_)) => "unknown[]",
        Ok(Value::Object(_)) => "Record<string, unknown>",
        Ok(Value::Null) | Err(_) => "unknown",
    }
    .to_owned()
}

/// Returns the name of a property, quoted if it has to be.
pub(super) fn property_name(name: &str) -> String {
    match is_identifier(name) {
        true => name.to_owned(),
        false => text(name),
    }
}

fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
}

fn text(name: &str) -> String {
    Value::from(name).to_string()
}

/// Returns a name for a type of the application.
fn identifier(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match TAKEN.contains(&plain.as_str()) || !is_identifier(&plain) {
        true => format!("{plain}_"),
        false => plain,
    }
}

/// Returns a type as the item type of an array.
fn grouped(written: String) -> String {
    match written.contains(" | ") {
        true => format!("({written})"),
        false => written,
    }
}
