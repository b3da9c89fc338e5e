//! The elements of the page as Rust values with typed properties: [`layout`] and [`controls`].
//!
//! Each builder is an [`Element`] whose tag is fixed. Texts are shown literally; what depends on
//! the state is bound with `bind`, as for any element.

mod controls;
mod layout;

pub use controls::*;
pub use layout::*;

/// Gives each value of an enum its word in templates.
macro_rules! words {
    ($($type:ident { $($variant:ident => $word:literal),+ })+) => {$(
        impl $type {
            pub(super) fn word(self) -> String {
                match self { $($type::$variant => $word.to_owned()),+ }
            }
        }
    )+};
}

/// Defines a property of a builder: a text, a number, a flag, a word of an enum, or an expression.
macro_rules! property {
    ($(#[$doc:meta])* $method:ident, $attribute:literal, text) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self, $method: &str) -> Self {
            Self(self.0.attr($attribute, $method))
        }
    };
    ($(#[$doc:meta])* $method:ident, $attribute:literal, number) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self, $method: f64) -> Self {
            Self(self.0.attr($attribute, $method.to_string()))
        }
    };
    ($(#[$doc:meta])* $method:ident, $attribute:literal, count) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self, $method: usize) -> Self {
            Self(self.0.attr($attribute, $method.to_string()))
        }
    };
    ($(#[$doc:meta])* $method:ident, $attribute:literal, flag) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self) -> Self {
            Self(self.0.flag($attribute))
        }
    };
    ($(#[$doc:meta])* $method:ident, $attribute:literal, expression) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self, expression: &str) -> Self {
            Self(self.0.bind($attribute, expression))
        }
    };
    ($(#[$doc:meta])* $method:ident, $attribute:literal, model) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self, key: impl Into<String>) -> Self {
            let key: String = key.into();
            Self(self.0.attr($attribute, key))
        }
    };
    ($(#[$doc:meta])* $method:ident, $attribute:literal, $word:ident) => {
        $(#[$doc])*
        #[must_use]
        pub fn $method(self, $method: $word) -> Self {
            Self(self.0.attr($attribute, $method.word()))
        }
    };
}

macro_rules! builders {
    ($(
        $(#[$doc:meta])*
        $type:ident = $function:ident($($parameter:ident => $attribute:literal),*) $tag:literal {
            $($(#[$method_doc:meta])* $method:ident => $property:literal $kind:ident;)*
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type(Element);

        $(#[$doc])*
        #[must_use]
        pub fn $function($($parameter: &str),*) -> $type {
            $type(el($tag)$(.attr($attribute, $parameter))*)
        }

        impl $type {
            $(property!($(#[$method_doc])* $method, $property, $kind);)*

            /// Appends a child.
            #[must_use]
            pub fn child(self, child: impl Into<Node>) -> Self {
                Self(self.0.child(child))
            }

            /// Appends several children.
            #[must_use]
            pub fn children<N: Into<Node>>(self, children: impl IntoIterator<Item = N>) -> Self {
                Self(self.0.children(children))
            }

            /// Appends text that is shown literally, including braces.
            #[must_use]
            pub fn text(self, text: &str) -> Self {
                Self(self.0.text(text))
            }

            /// Appends the value of a JavaScript expression: `{{ … }}`.
            #[must_use]
            pub fn expr(self, expression: &str) -> Self {
                Self(self.0.expr(expression))
            }

            /// Binds a property to a JavaScript expression.
            ///
            /// # Panics
            /// If the name is not a valid attribute name.
            #[must_use]
            #[track_caller]
            pub fn bind(self, name: &str, expression: impl Into<String>) -> Self {
                Self(self.0.bind(name, expression))
            }

            /// Adds an event handler: JavaScript, a trigger, or a function of the controller.
            ///
            /// # Panics
            /// If the name is not a valid attribute name.
            #[must_use]
            #[track_caller]
            pub fn on(self, event: &str, handler: impl Into<Handler>) -> Self {
                Self(self.0.on(event, handler))
            }

            /// Returns the element, for what only elements have.
            pub fn element(self) -> Element {
                self.0
            }
        }

        impl From<$type> for Element {
            fn from(builder: $type) -> Self {
                builder.0
            }
        }

        impl From<$type> for Node {
            fn from(builder: $type) -> Self {
                builder.0.into()
            }
        }

        impl From<$type> for $crate::pages::Template {
            fn from(builder: $type) -> Self {
                builder.0.into()
            }
        }
    )+};
}

use {builders, property, words};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::el;

    #[test]
    fn builders_write_the_elements_of_the_page() {
        let page = app()
            .child(toolbar("Pump").child(el("button").text("Start")).child(space()))
            .child(
                el("main")
                    .child(split().remember("work").child(pane("Runs").size(25.0).collapsible())),
            )
            .child(
                sidebar("Controls").side(Side::Start).width(12.5).child(
                    field("Speed")
                        .unit("1/min")
                        .error("speed > 9 ? 'Too fast' : ''")
                        .child(el("input").model("speed")),
                ),
            )
            .child(status().child(led().lit("running").tone(Tone::Ok).text("Running")));
        assert_eq!(
            page.element().to_string(),
            "<selvedge-app><selvedge-toolbar title=\"Pump\"><button>{{ 'Start' }}</button>\
             <selvedge-space></selvedge-space></selvedge-toolbar>\
             <main><selvedge-split name=\"work\"><selvedge-pane label=\"Runs\" size=\"25\" collapsible></selvedge-pane>\
             </selvedge-split></main>\
             <selvedge-sidebar label=\"Controls\" side=\"start\" width=\"12.5\">\
             <selvedge-field label=\"Speed\" unit=\"1/min\" :error=\"speed &gt; 9 ? 'Too fast' : ''\">\
             <input v-model=\"speed\"></selvedge-field></selvedge-sidebar>\
             <selvedge-status><selvedge-led :on=\"running\" tone=\"ok\">{{ 'Running' }}</selvedge-led></selvedge-status>\
             </selvedge-app>"
        );
    }

    #[test]
    fn texts_cannot_become_code() {
        let shown = card("\" :title=\"evil()").child(icon("x\"><script>")).element().to_string();
        assert_eq!(
            shown,
            "<selvedge-card title=\"&quot; :title=&quot;evil()\">\
             <selvedge-icon name=\"x&quot;&gt;&lt;script&gt;\"></selvedge-icon></selvedge-card>"
        );
    }
}
