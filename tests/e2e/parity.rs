//! Tests that scripts and widget packages find in the page everything that trame's page has, except
//! for what `docs/differences.md` lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::{driver::Driver, packages::manifests, support::start};

const DIFFERENCES: &str = include_str!("../../docs/differences.md");

/// The heading of the table of names that the built-in page does not have.
const LISTED_UNDER: &str = "## The page";

/// Returns the names of all properties, including inherited ones, of the objects that widget
/// packages use.
const NAMES: &str = r#"
    const names = (object) => {
        const found = new Set();
        for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
            for (const name of Object.getOwnPropertyNames(at)) if (name !== 'constructor') found.add(name);
        return [...found];
    };
    const { app, client, state, utils } = trame;
    const remote = client.getRemote();
    const images = client.getImageStream();
    const objects = {
        trame, state, client, utils, 'utils.fmt': utils.fmt, 'utils.vtk': utils.vtk,
        remote, 'remote.Trame': remote.Trame, 'remote.SyncView': remote.SyncView,
        connection: client.getConnection(), session: client.getConnection().getSession(),
        imageStream: images, viewStream: images.createViewStream('-1'),
    };
    const fixed = Object.keys(objects).filter((name) => !Object.isExtensible(objects[name]));
    const found = Object.fromEntries(Object.entries(objects).map(([name, object]) => [name, names(object)]));
    found.components = Object.keys(app._context.components);
    found.properties = Object.keys(app.config.globalProperties);
    found.provided = names(app._context.provides);
    found.scope = document.getElementById('scope').textContent.split(' ').filter((name) => name);
    return {found, fixed};
"#;

/// Prints the names that a template of trame's page has besides the state, among those listed here.
const SCOPE: &str = r#"<p id="scope">{{ Object.entries({
    trame: typeof trame, utils: typeof utils, window: typeof window, tts: typeof tts, trigger: typeof trigger, set: typeof set,
    get: typeof get, setAll: typeof setAll, flushState: typeof flushState, registerDecorator: typeof registerDecorator,
    reference: typeof get('name') === 'object' ? 'ref' : 'undefined', attrs: typeof $attrs, slots: typeof $slots,
    refs: typeof $refs, emit: typeof $emit, props: typeof $props,
}).filter(([, type]) => type !== 'undefined').map(([name]) => name).join(' ') }}</p>"#;

type Names = BTreeMap<String, BTreeSet<String>>;

async fn names_in(manifests: &[std::path::PathBuf]) -> (Names, Vec<String>) {
    let server = trame_widgets::app(manifests).unwrap();
    server.template("main", SCOPE);
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.getElementById('scope')?.textContent").await;
    let outcome = driver.js(NAMES).await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
    let of = |name: &str| outcome[name].clone();
    (serde_json::from_value(of("found")).unwrap(), serde_json::from_value(of("fixed")).unwrap())
}

/// Returns the names in the table, `object.name` or `*.name` for any object.
fn listed() -> BTreeSet<String> {
    let (_, section) = DIFFERENCES.split_once(LISTED_UNDER).expect("the section about the page");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let names = rows.filter_map(|row| row.split(" | ").nth(1));
    names.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_built_in_page_has_what_trames_page_has() {
    let (trames, _) = names_in(manifests()).await;
    let (ours, fixed) = names_in(&manifests()[1..]).await;
    assert_eq!(fixed, Vec::<String>::new(), "packages add to these objects");
    assert!(trames["state"].len() > 15 && trames["scope"].len() > 10, "{trames:?}");
    let missing: BTreeSet<String> = trames
        .iter()
        .flat_map(|(object, names)| {
            let missing = names.difference(&ours[object]);
            missing.map(move |name| format!("{object}.{name}"))
        })
        .collect();
    let listed = listed();
    let anywhere = |name: &str| format!("*.{}", name.rsplit('.').next().unwrap());
    let unlisted: Vec<_> = missing
        .iter()
        .filter(|name| !listed.contains(*name) && !listed.contains(&anywhere(name)))
        .collect();
    assert!(unlisted.is_empty(), "missing and not listed: {unlisted:#?}");
    let any_missing: BTreeSet<String> = missing.iter().map(|name| anywhere(name)).collect();
    let there: Vec<_> = listed
        .iter()
        .filter(|name| {
            name.contains('.') && !missing.contains(*name) && !any_missing.contains(*name)
        })
        .collect();
    assert!(there.is_empty(), "listed and not missing: {there:#?}");
}
