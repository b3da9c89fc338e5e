//! Tests the pages of the testing kit: templates that are rendered and operated without a browser.

use std::time::Duration;

use selvedge::{
    Ctx, Failure, Server,
    jobs::Job,
    testing::{Error, Page, Result, TestApp},
};
use serde_json::{Value, json};

/// Opens a page that shows this template, with these values.
async fn show(template: &str, values: Value) -> Result<(TestApp, Page)> {
    let server = Server::new("pages");
    for (key, value) in values.as_object().unwrap() {
        server.state().set(key, value);
    }
    server.trigger("say", |cx: Ctx, words: String| cx.set("said", words));
    server.trigger("fail", |_: Ctx| -> Result<(), Failure> { Err(Failure::msg("it is blocked")) });
    server.trigger("answer", |_: Ctx| 42);
    server.template("main", template);
    let app = TestApp::start(&server).await?;
    let page = app.page().await?;
    Ok((app, page))
}

fn reason(outcome: Result) -> String {
    match outcome {
        Err(Error::Page(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_page_shows_what_its_user_would_read() -> Result {
    let template = r#"
        <h1 title="Hidden">Pumps &amp; valves</h1>
        <ul><li v-for="pump in pumps" :key="pump.name">{{ pump.name }}: {{ pump.bar.toFixed(1) }}<b>&nbsp;bar</b></li></ul>
        <p v-if="pumps.length > 5">Many</p><p v-else>Few</p>
        <p v-show="false">Secret</p><p hidden>Secret</p><p aria-hidden="true">Sign</p>
        <details><summary>More</summary>Inside</details>
        <img alt="A pump"> <!-- a comment --> <p v-text="'a' + 1"></p><p v-html="html"></p>"#;
    let pumps = json!([{"name": "A", "bar": 1.0}, {"name": "B", "bar": 2.25}]);
    let (app, mut page) =
        show(template, json!({"pumps": pumps, "html": "<i>x</i> &lt; y"})).await?;
    let text = "Pumps & valves A: 1.0 bar B: 2.3 bar Few Sign More A pump a1 x < y";
    assert_eq!(page.text().await?, text);
    page.press("More").await?;
    assert!(page.text().await?.contains("More Inside"));
    app.server().state().set("pumps", json!([])).flush();
    page.wait_for_text("Pumps & valves Few").await?;
    app.stop().await
}

#[tokio::test]
async fn controls_are_found_by_their_names_and_bind_the_state() -> Result {
    let template = r#"
        <label>Name <input v-model.trim="name"></label>
        <label for="size">Size</label><input id="size" type="number" v-model="size">
        <input aria-label="Comment" :value="comment" @input="comment = $event.target.value">
        <label><input type="checkbox" v-model="ready"> Ready</label>
        <label><input type="checkbox" value="red" v-model="colours"> Red</label>
        <label><input type="radio" value="fast" v-model="mode"> Fast</label>
        <label>Unit <select v-model="unit"><option value="b">bar</option><option>Pa</option></select></label>
        <v-text-field label="Place" v-model="place"></v-text-field>
        <span id="turn">Speed</span><input type="range" aria-labelledby="turn" v-model.number="speed">"#;
    let values = json!({
        "name": "", "size": 1, "comment": "", "ready": false, "colours": ["blue"], "mode": "slow",
        "unit": "Pa", "place": "", "speed": 1,
    });
    let (app, mut page) = show(template, values).await?;
    page.fill("Name", " Ada ").await?;
    page.fill("Size", "2.5").await?;
    page.fill("Comment", "fine").await?;
    page.press("Ready").await?;
    page.press("Red").await?;
    page.press("Fast").await?;
    page.fill("Unit", "bar").await?;
    page.fill("Place", "Hall").await?;
    page.fill("Speed", "7").await?;
    let values = page.user().values();
    let found = |key: &str| values[key].clone();
    assert_eq!([found("name"), found("comment")], [json!("Ada"), json!("fine")]);
    assert_eq!([found("size"), found("speed")], [json!(2.5), json!(7)]);
    assert_eq!([found("ready"), found("colours")], [json!(true), json!(["blue", "red"])]);
    assert_eq!([found("mode"), found("unit")], [json!("fast"), json!("b")]);
    assert_eq!(found("place"), "Hall");
    page.press("Ready").await?;
    assert!(!page.user().get::<bool>("ready")?);
    app.stop().await
}

#[tokio::test]
async fn what_a_user_presses_calls_the_application() -> Result {
    let template = r#"
        <button @click="trigger('say', ['hello'])">Say</button>
        <button @click="count += 2; trigger('say', [`count ${count}`])">Count</button>
        <button @click="trigger('answer').then((result) => (count = result))">Ask</button>
        <form @submit.prevent="trigger('say', [words])"><input aria-label="Words" v-model="words"><button>Send</button></form>
        <div @click="outer += 1"><a href="../elsewhere" @click.prevent="outer += 10">Both</a><b role="button" @click.stop="outer += 100">Inner</b></div>
        <button @click="trigger('fail')">Fail</button>
        <p>{{ said }}, {{ outer }}</p>"#;
    let values = json!({"said": "nothing", "count": 1, "words": "", "outer": 0});
    let (app, mut page) = show(template, values).await?;
    page.press("Say").await?;
    page.wait_for_text("hello, 0").await?;
    page.press("Count").await?;
    assert!(page.text().await?.ends_with("count 3, 0"));
    page.press("Ask").await?;
    assert_eq!(page.user().get::<i64>("count")?, 42);
    page.fill("Words", "from a form").await?;
    page.press("Send").await?;
    page.press("Both").await?;
    page.press("Inner").await?;
    assert!(page.text().await?.ends_with("from a form, 111"));
    assert!(reason(page.press("Fail").await).contains("it is blocked"));
    page.press("Say").await?;
    app.stop().await
}

#[tokio::test]
async fn what_a_user_cannot_do_is_an_error_with_what_there_is() -> Result {
    let template = r#"
        <button>Save</button><button>Save</button><button disabled>Stop</button>
        <fieldset disabled><button>Start</button></fieldset>
        <button v-show="false">Hidden</button>
        <label>Name <input readonly></label>
        <select aria-label="Unit"><option>bar</option><option disabled>Pa</option></select>"#;
    let (app, mut page) = show(template, json!({})).await?;
    let missing = reason(page.press("Hidden").await);
    assert!(
        missing.starts_with("the page has nothing to press that is named “Hidden”"),
        "{missing}"
    );
    assert!(missing.contains("button “Save”, button “Stop”"), "{missing}");
    assert!(reason(page.press("Save").await).contains("2 elements"));
    assert_eq!(reason(page.press("Stop").await), "“Stop” is disabled");
    assert_eq!(reason(page.press("Start").await), "“Start” is disabled");
    assert_eq!(reason(page.fill("Name", "x").await), "“Name” is read-only");
    assert!(reason(page.fill("Unit", "psi").await).contains("no option “psi”. It has “bar”, “Pa”"));
    assert!(reason(page.fill("Unit", "Pa").await).contains("is disabled"));
    app.stop().await
}

#[tokio::test]
async fn a_test_hears_of_mistakes_in_templates() -> Result {
    let template =
        r#"<p>{{ cuont }}</p><buton></buton><button @click="trigger('sya', [])">Say</button>"#;
    let (app, mut page) = show(template, json!({"count": 1})).await?;
    let mistakes = page.mistakes()?.join("\n");
    for part in ["`cuont`", "`count`", "<buton>", "`sya`", "`say`"] {
        assert!(mistakes.contains(part), "{part} in {mistakes}");
    }
    assert!(reason(page.press("Say").await).contains("there is no trigger named `sya`"));
    app.stop().await?;
    let (app, mut page) = show("<p>{{ count</p>", json!({})).await?;
    assert!(page.text().await?.contains("cannot be compiled"));
    app.stop().await
}

#[tokio::test]
async fn a_template_that_throws_fails_the_test_that_shows_it() -> Result {
    let server = Server::new("pages");
    server.state().set("list", json!(null));
    server.template("main", "<p>{{ list.length }}</p>");
    let app = TestApp::start(&server).await?;
    let error = app.page().await.unwrap_err().to_string();
    assert!(error.contains("length"), "{error}");
    app.stop().await
}

#[tokio::test]
async fn routes_parts_and_jobs_are_rendered() -> Result {
    let server = Server::new("pages");
    server.template("main", r##"<a href="#/runs/3">Third</a> <trame-template-foot></trame-template-foot><selvedge-page></selvedge-page>"##);
    server.template("foot", "<footer>Foot</footer>");
    server.template("home", "<h1>Home</h1>");
    server.template(
        "run",
        r#"<h1>Run {{ route.parameters.id }}</h1><selvedge-job name="work" :args="[2]">Work</selvedge-job>"#,
    );
    server.route("/", "home")?;
    server.route("/runs/{id}", "run")?.title("Run {id}");
    server.job("work", async |job: Job, by: i64| {
        job.progress(0.5, "halfway");
        by * 2
    });
    let app = TestApp::start(&server).await?;
    let mut page = app.page().await?;
    assert_eq!(page.text().await?, "Third Foot Home");
    page.press("Third").await?;
    assert!(page.text().await?.contains("Run 3"));
    page.press("Work").await?;
    page.user().wait_for("work", |status: &Value| status["result"] == 4).await?;
    page.wait_for_text("halfway").await?;
    page.back().await?;
    assert_eq!(page.text().await?, "Third Foot Home");
    app.stop().await
}

#[tokio::test(start_paused = true)]
async fn a_text_that_does_not_come_is_an_error_with_the_text_that_is_there() -> Result {
    let (app, mut page) = show("<p>{{ count }}</p>", json!({"count": 1})).await?;
    let late = page.wait_for_text("2").await.unwrap_err().to_string();
    assert!(late.starts_with("the page did not show “2” after 10s; it shows “1”"), "{late}");
    let server = app.server().clone();
    server.every(Duration::from_secs(1), |cx: Ctx| cx.set("count", 2));
    page.wait_for_text("2").await?;
    app.stop().await
}

#[tokio::test]
async fn a_page_shows_what_the_application_makes_of_an_edit() -> Result {
    let server = Server::new("pages");
    server.state().set("speed", 300).set("near", 3);
    server.state().validate("speed", |speed: i64| match speed {
        0..=1500 => Ok(()),
        _ => Err(Failure::msg("too fast")),
    });
    server.on_change("near", |cx: Ctx, near: i64| cx.set("near", near.min(3)));
    let fields = r#"<label>Speed <input v-model.number="speed"></label> {{ speed }}
        <label>Near <input v-model.number="near"></label> {{ near }}"#;
    server.template("main", fields);
    let app = TestApp::start(&server).await?;
    let mut page = app.page().await?;
    assert!(reason(page.fill("Speed", "2000").await).contains("too fast"));
    page.fill("Near", "5").await?;
    assert_eq!(page.text().await?, "Speed 300 Near 3");
    app.stop().await
}

#[tokio::test]
async fn calls_of_a_page_overlap() -> Result {
    let server = Server::new("pages");
    let cancelled = std::sync::Arc::new(tokio::sync::Notify::new());
    let cancel = std::sync::Arc::clone(&cancelled);
    server.state().set("status", "idle");
    server.trigger("start", move |cx: Ctx| {
        let cancelled = std::sync::Arc::clone(&cancelled);
        async move {
            cx.state().set("status", "running");
            cancelled.notified().await;
            cx.state().set("status", "cancelled");
        }
    });
    server.trigger("cancel", move |_: Ctx| cancel.notify_one());
    server.template(
        "main",
        r#"<button @click="trigger('start')">Start</button><button @click="trigger('cancel')">Cancel</button>
        <button @click="trigger('start'); trigger('cancel')">Both</button>{{ status }}"#,
    );
    let app = TestApp::start(&server).await?;
    let mut page = app.page().await?;
    page.press_without_waiting("Start").await?;
    page.wait_for_text("running").await?;
    page.press("Cancel").await?;
    page.wait_for_text("cancelled").await?;
    page.press("Both").await?;
    page.press_without_waiting("Start").await?;
    page.wait_for_text("running").await?;
    drop(page);
    let limit = Duration::from_millis(50);
    let mut page = app.page_of(app.user().await?.patience(limit)).await?;
    let late = page.press("Start").await.unwrap_err().to_string();
    assert!(late.starts_with("the application has not answered after 50ms"), "{late}");
    page.press("Cancel").await?;
    app.stop().await
}

#[tokio::test]
async fn a_stop_ends_what_waits_for_the_application() -> Result {
    let (app, mut page) = show("<p>{{ count }}</p>", json!({"count": 1})).await?;
    let stop = async { app.stop().await };
    let (waited, stopped) = tokio::join!(page.wait_for_text("never"), stop);
    stopped?;
    assert!(matches!(waited, Err(Error::Server(_))), "{waited:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_press_causes_is_what_a_browser_does() -> Result {
    let template = r#"
        <button @click.once="count += 1">Once</button>
        <div @click.capture="order += 'a'"><button @click="order += 'b'">Order</button></div>
        <label><input type="checkbox" @click="seen = $event.target.checked" v-model="ready"> Ready</label>
        <label><input type="radio" value="fast" v-model="mode" @change="changes += 1"> Fast</label>
        <label><input type="checkbox" :value="1" v-model="picks"> Pick</label>
        <label>Several <select multiple v-model="chosen"><option>a</option><option>b</option><option>c</option></select></label>
        <label>Unit <select v-model="unit" @input="before = unit" @change="after = unit"><option>bar</option><option>Pa</option></select></label>
        <form @submit.prevent="count += 100"><input aria-label="Name" required v-model="name"><button><b>Send</b></button></form>
        <v-switch label="Switch" v-model="switched"></v-switch><v-slider label="Slide" v-model="slide"></v-slider>
        <button @click="trigger('answer').then(() => { throw new Error('a late fault') })">Late</button>
        <button @click="trame.call('pump.reset')">Reset</button>
        <button><i aria-label="Save"></i></button><span id="x" hidden>Hid<b>den</b></span><button aria-labelledby="x">?</button>"#;
    let values = json!({
        "count": 0, "order": "", "seen": null, "ready": false, "mode": "fast", "changes": 0, "picks": ["1"],
        "chosen": ["c"], "unit": "Pa", "before": "", "after": "", "name": "", "switched": false, "slide": 1,
    });
    let (app, mut page) = show(template, values).await?;
    let value = |page: &Page, key: &str| page.user().values()[key].clone();
    page.press("Once").await?;
    page.press("Once").await?;
    page.press("Order").await?;
    page.press("Ready").await?;
    page.press("Fast").await?;
    page.press("Pick").await?;
    assert_eq!([value(&page, "count"), value(&page, "changes")], [json!(1), json!(0)]);
    assert_eq!([value(&page, "order"), value(&page, "seen")], [json!("ab"), json!(true)]);
    assert_eq!(
        value(&page, "picks"),
        json!([]),
        "a text and a number that look the same are equal"
    );
    page.press("a").await?;
    page.fill("Several", "c").await?;
    assert_eq!(value(&page, "chosen"), json!(["a", "c"]), "in the order of the document");
    page.fill("Unit", "bar").await?;
    assert_eq!([value(&page, "before"), value(&page, "after")], [json!("Pa"), json!("bar")]);
    assert_eq!(reason(page.press("Send").await), "“Name” has to be filled in first");
    page.fill("Name", "Ada").await?;
    page.press("Send").await?;
    assert_eq!(value(&page, "count"), json!(101));
    page.press("Switch").await?;
    page.fill("Slide", "7").await?;
    assert_eq!([value(&page, "switched"), value(&page, "slide")], [json!(true), json!(7)]);
    assert!(reason(page.fill("Ready", "true").await).contains("press it"));
    assert!(reason(page.press("Late").await).contains("a late fault"));
    assert!(reason(page.press("Reset").await).contains("pump.reset"));
    page.press("Save").await?;
    page.press("Hidden").await?;
    app.stop().await
}
