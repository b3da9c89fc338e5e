//! The page of the example through the eyes of axe, which knows the rules of WCAG.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    driver::Driver,
    program::{Program, web},
};

/// Finds what keeps people from using the page; `dark` is whether the page has to be dark.
async fn nothing_serious_is_found(driver: Driver, dark: bool) {
    let program = Program::start(&web(), &["--server", "--port", "0"]).await;
    let log = program.traces.log();
    let link = log.split_whitespace().find(|word| word.contains("sign_in="));
    driver.page.goto(link.unwrap()).await.unwrap();
    driver.drawn().await;
    let seen = driver.js("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(seen, dark);

    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let axe = here.join("../../ui/node_modules/axe-core/axe.min.js");
    let axe = fs::read_to_string(axe).expect("run `npm ci` in ui");
    driver.js(&axe).await;
    let run = "const done = arguments[0];
        axe.run(document).then(
            ({ violations, passes }) => done({ passed: passes.length, found: violations.map(({ id, impact, nodes }) =>
                ({ id, impact, nodes: nodes.map(({ html, failureSummary }) => html + failureSummary) })) }),
            (error) => done({ passed: 0, found: [String(error)] }));";
    let outcome = driver.page.execute_async(run, vec![]).await.unwrap();
    assert!(outcome["passed"].as_u64().unwrap() > 10, "{outcome:#}");
    let is_serious =
        |finding: &&Value| !matches!(finding["impact"].as_str(), Some("minor" | "moderate"));
    let found = outcome["found"].as_array().unwrap();
    println!("{} rules hold, {} do not: {found:#?}", outcome["passed"], found.len());
    let serious: Vec<_> = found.iter().filter(is_serious).collect();
    assert!(serious.is_empty(), "{serious:#?}");
    driver.page.clone().close().await.unwrap();
}

#[tokio::test]
async fn of_the_light_page_nothing_serious_is_found() {
    nothing_serious_is_found(Driver::chromium().await, false).await;
}

#[tokio::test]
async fn of_the_dark_page_nothing_serious_is_found() {
    nothing_serious_is_found(Driver::chromium_with(&["--force-dark-mode"]).await, true).await;
}
