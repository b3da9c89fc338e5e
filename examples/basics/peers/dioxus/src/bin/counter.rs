use dioxus::prelude::*;

fn main() {
    dioxus::launch(app);
}

fn app() -> Element {
    let mut count = use_signal(|| 0_i64);
    let doubled = use_memo(move || count() * 2);
    rsx! {
        input {
            r#type: "range",
            min: "-10",
            max: "10",
            "aria-label": "Count",
            value: "{count}",
            oninput: move |event| {
                if let Ok(value) = event.value().parse() {
                    count.set(value);
                }
            },
        }
        p { "{count} × 2 = {doubled}" }
        button { onclick: move |_| count -= 1, "Less" }
        button { onclick: move |_| count += 1, "More" }
    }
}
