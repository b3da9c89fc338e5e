//! A counter: keys, a listener, a trigger and a page.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::{Ctx, Model, Result, Server, StartOptions};

#[derive(Model)]
struct Counter {
    count: i64,
    #[model(read_only)]
    doubled: i64,
}

const PAGE: &str = r#"
    <input type="range" min="-10" max="10" v-model.number="count" aria-label="Count">
    <p>{{ count }} × 2 = {{ doubled }}</p>
    <button @click="trigger('add', [-1])">Less</button>
    <button @click="trigger('add', [1])">More</button>
"#;

fn app() -> Result<Server> {
    let server = Server::new("counter");
    server.state().add_model::<Counter>()?;
    server.on_change(Counter::COUNT, |cx: Ctx, count: i64| Counter::DOUBLED.set(&cx, count * 2));
    server.trigger("add", |cx: Ctx, by: i64| Counter::COUNT.update(&cx, |count| *count += by));
    server.template("main", PAGE);
    Ok(server)
}

fn main() -> ExitCode {
    selvedge::exit_code(app().and_then(|server| server.run(StartOptions::from_args())))
}

#[cfg(test)]
mod tests {
    use selvedge::testing::{Result, TestApp};

    use super::*;

    #[tokio::test]
    async fn every_page_counts_the_same() -> Result {
        let app = TestApp::start(&app()?).await?;
        let (mut page, mut other) = (app.page().await?, app.page().await?);
        page.fill("Count", "3").await?;
        other.press("More").await?;
        page.wait_for_text("4 × 2 = 8").await?;
        assert_eq!(page.mistakes()?, [""; 0]);
        app.stop().await
    }
}
