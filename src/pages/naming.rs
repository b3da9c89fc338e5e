//! trame's property names, and what they become in a template.
//!
//! trame has a list of properties and events for each widget; this module has none. A name that
//! matches no rule is a property, and events of a single widget are written with `v_on_` or
//! [`Element::on`](super::Element::on).

use selvedge_wslink::text::similar;

/// What a property becomes in the template.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    /// An attribute. Expressions are bound: `:name`.
    Attribute(String),
    /// A directive, or an attribute that is always bound. The value is an expression.
    Expression(String),
    /// An event: `@name`. The value is JavaScript, or the call of a trigger.
    Event(String),
    /// The name by which the application refers to the element.
    Reference,
    /// Attributes in template syntax.
    Raw,
}

/// Directives without arguments.
const DIRECTIVES: [&str; 16] = [
    "v_text",
    "v_html",
    "v_show",
    "v_if",
    "v_else",
    "v_else_if",
    "v_for",
    "v_on",
    "v_bind",
    "v_model",
    "v_slot",
    "v_pre",
    "v_once",
    "v_memo",
    "v_cloak",
    "v_click_outside",
];

/// Directives of Vuetify, and the separator before the rest of a name: an argument or modifiers.
const WITH_REST: [(&str, &str); 6] = [
    ("v_intersect", "."),
    ("v_mutate", "."),
    ("v_resize", "."),
    ("v_ripple", "."),
    ("v_scroll", "."),
    ("v_tooltip", ":"),
];

const MODEL_MODIFIERS: [&str; 3] = ["lazy", "number", "trim"];

/// Events of all elements.
const EVENTS: [&str; 30] = [
    "click",
    "contextmenu",
    "dblclick",
    "mousedown",
    "mouseenter",
    "mouseleave",
    "mousemove",
    "mouseup",
    "mouseout",
    "mouseover",
    "keydown",
    "keyup",
    "keypress",
    "submit",
    "input",
    "change",
    "focus",
    "focusin",
    "blur",
    "focusout",
    "touchstart",
    "touchmove",
    "touchend",
    "touchcancel",
    "animationstart",
    "animationend",
    "animationiteration",
    "transitionstart",
    "transitionend",
    "transitioncancel",
];

/// Events of Vue's transitions.
const TRANSITION_EVENTS: [&str; 8] = [
    "before_enter",
    "before_leave",
    "after_enter",
    "after_leave",
    "after_appear",
    "enter_cancelled",
    "leave_cancelled",
    "appear_cancelled",
];

/// Arguments of trame's widgets that are not properties, and what to write instead.
const ARGUMENTS: [(&str, &str); 8] = [
    ("__properties", "every property can be given by its name"),
    ("__events", "write `v_on_NAME` or `on(\"NAME\", …)`"),
    ("children", "write `child(…)` or `children(…)`"),
    ("literal_children", "write `text(…)` or `html(…)`"),
    ("connect_parent", "an element is where it was put with `child(…)`"),
    ("trame_server", "an element belongs to no server"),
    ("ctx_name", "an element is a value: keep it in a variable"),
    ("context_name", "an element is a value: keep it in a variable"),
];

/// Returns what the property with this name becomes. The error says what to write instead.
pub(crate) fn place(name: &str) -> Result<Place, String> {
    if let Some((_, instead)) = ARGUMENTS.iter().find(|(argument, _)| *argument == name) {
        return Err(format!("`{name}` is not a property: {instead}"));
    }
    if name.starts_with('_') || (name.ends_with('_') && name.len() > 1) {
        let bare = name.trim_matches('_');
        return Err(format!(
            "`{name}` is not a property: names have no underscore at their ends. Write `{bare}`"
        ));
    }
    let is_written_out = !name.chars().all(|c| c.is_alphanumeric() || c == '_');
    Ok(match name {
        _ if is_written_out => written_out(name),
        "classes" => Place::Attribute("class".to_owned()),
        "key" => Place::Expression(":key".to_owned()),
        "is_name" => Place::Attribute("is".to_owned()),
        "ref" => Place::Reference,
        "raw_attrs" => Place::Raw,
        _ if name.starts_with("v_") => return directive(name),
        _ if name.starts_with("on_") => {
            let event = &name[3..];
            return Err(format!(
                "`{name}` is not a property: an event is `v_on_{event}`, or `on(\"{event}\", …)`"
            ));
        }
        _ => event(name).map_or_else(|| Place::Attribute(name.replace('_', "-")), Place::Event),
    })
}

/// Classifies a name in template syntax: `v-model`, `:items`, `@click.stop`, `aria-label`.
fn written_out(name: &str) -> Place {
    match name.strip_prefix('@').or_else(|| name.strip_prefix("v-on:")) {
        Some(event) => Place::Event(event.to_owned()),
        None if name.starts_with("v-") || name.starts_with([':', '#']) => {
            Place::Expression(name.to_owned())
        }
        None => Place::Attribute(name.to_owned()),
    }
}

fn directive(name: &str) -> Result<Place, String> {
    if DIRECTIVES.contains(&name) {
        return Ok(Place::Expression(name.replace('_', "-")));
    }
    let rest = |start: &str| {
        let rest = name.strip_prefix(start)?.strip_prefix('_')?;
        (!rest.is_empty()).then(|| rest.split('_').collect::<Vec<_>>())
    };
    if let Some(parts) = rest("v_on") {
        return Ok(Place::Event(parts.join(".")));
    }
    if let Some(parts) = rest("v_bind") {
        return Ok(Place::Expression(format!(":{}", parts.join("."))));
    }
    if let Some(parts) = rest("v_model") {
        let before = match parts.as_slice() {
            [modifier] if MODEL_MODIFIERS.contains(modifier) => ".",
            _ => ":",
        };
        return Ok(Place::Expression(format!("v-model{before}{}", parts.join("."))));
    }
    if let Some(parts) = rest("v_slot") {
        return match parts.as_slice() {
            [slot] => Ok(Place::Expression(format!("v-slot:{slot}"))),
            _ => Err(format!(
                "`{name}` is not clear: the name of a slot has dashes or dots. Write `slot(\"{}\", …)` or `slot(\"{}\", …)`",
                parts.join("-"),
                parts.join(".")
            )),
        };
    }
    for (directive, before) in WITH_REST {
        let written = directive.replace('_', "-");
        match rest(directive) {
            Some(parts) if before == ":" => {
                return Ok(Place::Expression(format!("{written}:{}", parts.join("-"))));
            }
            Some(parts) => return Ok(Place::Expression(format!("{written}.{}", parts.join(".")))),
            None if name == directive => return Ok(Place::Expression(written)),
            None => {}
        }
    }
    let known = DIRECTIVES.into_iter().chain(WITH_REST.map(|(directive, _)| directive));
    let near = match similar(known, name).first() {
        Some(near) => format!(" Did you mean `{near}`?"),
        None => String::new(),
    };
    Err(format!(
        "`{name}` is not a known directive.{near} One of a widget package is written as in a template: `{}`",
        name.replace('_', "-")
    ))
}

/// Returns the event that a property name stands for, if any: `click`, or `click_append` and
/// `update_modelValue` of Vuetify's widgets.
fn event(name: &str) -> Option<String> {
    if EVENTS.contains(&name) {
        return Some(name.to_owned());
    }
    if TRANSITION_EVENTS.contains(&name) {
        return Some(name.replace('_', "-"));
    }
    let (of, what) = name.split_once('_')?;
    let is_event = match of {
        "click" | "mousedown" => true,
        "update" => what != "on",
        "group" => what == "selected",
        _ => false,
    };
    is_event.then(|| format!("{of}:{}", what.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_trame() {
        let attribute = |name: &str| Place::Attribute(name.to_owned());
        let expression = |name: &str| Place::Expression(name.to_owned());
        let event = |name: &str| Place::Event(name.to_owned());
        for (name, expected) in [
            ("prepend_icon", attribute("prepend-icon")),
            ("modelValue", attribute("modelValue")),
            ("classes", attribute("class")),
            ("class", attribute("class")),
            ("style", attribute("style")),
            ("aria-label", attribute("aria-label")),
            ("update_on", attribute("update-on")),
            ("is_name", attribute("is")),
            ("key", expression(":key")),
            ("ref", Place::Reference),
            ("raw_attrs", Place::Raw),
            ("v_model", expression("v-model")),
            ("v_model_lazy", expression("v-model.lazy")),
            ("v_model_value", expression("v-model:value")),
            ("v_model_value_number", expression("v-model:value.number")),
            ("v_bind_items", expression(":items")),
            ("v_bind_x_prop", expression(":x.prop")),
            ("v_bind", expression("v-bind")),
            ("v_slot", expression("v-slot")),
            ("v_slot_activator", expression("v-slot:activator")),
            ("v_if", expression("v-if")),
            ("v_else_if", expression("v-else-if")),
            ("v_ripple_center", expression("v-ripple.center")),
            ("v_tooltip_top_start", expression("v-tooltip:top-start")),
            ("v-mine", expression("v-mine")),
            (":items", expression(":items")),
            ("v_on_click_stop", event("click.stop")),
            ("v_on_keydown_enter", event("keydown.enter")),
            ("@click.stop", event("click.stop")),
            ("v-on:load", event("load")),
            ("click", event("click")),
            ("change", event("change")),
            ("click_prependInner", event("click:prependInner")),
            ("click_next_year", event("click:next-year")),
            ("update_modelValue", event("update:modelValue")),
            ("before_enter", event("before-enter")),
        ] {
            assert_eq!(place(name).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn unknown_names_are_refused_with_what_to_write_instead() {
        for (name, instead) in [
            ("v_modle", "`v_model`"),
            ("v_fi", "`v-fi`"),
            ("v_modelvalue", "`v_model`"),
            ("v_slot_prepend_item", "`slot(\"prepend-item\", …)` or `slot(\"prepend.item\", …)`"),
            ("v_mine", "`v-mine`"),
            ("on_click", "`v_on_click`"),
            ("for_", "`for`"),
            ("_name", "`name`"),
            ("__properties", "every property"),
            ("__events", "v_on_NAME"),
            ("children", "`child(…)`"),
            ("ctx_name", "variable"),
        ] {
            let error = place(name).unwrap_err();
            assert!(error.contains(&format!("`{name}`")) && error.contains(instead), "{error}");
        }
    }
}
