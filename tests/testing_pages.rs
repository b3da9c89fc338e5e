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
        <p v-show="false">Secret</p><p hidden>Secret</p><p aria-hidden="true">Secret</p>
        <details><summary>More</summary>Inside</details>
        <img alt="A pump"> <!-- a comment --> <p v-text="'a' + 1"></p><p v-html="html"></p>"#;
    let pumps = json!([{"name": "A", "bar": 1.0}, {"name": "B", "bar": 2.25}]);
    let (app, mut page) =
        show(template, json!({"pumps": pumps, "html": "<i>x</i> &lt; y"})).await?;
    let text = "Pumps & valves A: 1.0 bar B: 2.3 bar Few More A pump a1 x < y";
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
    assert!(late.starts_with("the page does not show “2” within 10s: it shows “1”"), "{late}");
    let server = app.server().clone();
    server.every(Duration::from_secs(1), |cx: Ctx| cx.set("count", 2));
    page.wait_for_text("2").await?;
    app.stop().await
}
