//! Tests rooms with real pages, in Chromium.

use selvedge::{
    Ctx, Module, Running, Server,
    rooms::{Role, Room, Rooms, Scope, User},
};

use crate::{
    driver::Driver,
    packages::manifests,
    program::until,
    support::{options, start},
};

fn app(room: &Room) -> selvedge::Result<Server> {
    let server = Server::new("rooms");
    server.state().set("count", 0).set("place", room.name());
    server.trigger("end", |cx: Ctx| cx.server.request_stop());
    server.template(
        "main",
        "<main><button id=more @click=\"count += 1\">{{ place }} {{ count }}</button></main>",
    );
    Ok(server)
}

async fn program(scope: Scope) -> Running {
    start(&Rooms::new(app).scope(scope).server().unwrap()).await
}

async fn shows(driver: &Driver, text: &str) {
    let shown = "document.querySelector('#more')?.textContent.trim()";
    driver.js_until(&format!("{shown} === '{text}'")).await;
}

async fn click(driver: &Driver) {
    driver.js("document.querySelector('#more').click()").await;
}

#[tokio::test]
async fn a_reload_leads_back_and_another_tab_has_another_room() {
    let running = program(Scope::Page).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    shows(&driver, "0").await;
    click(&driver).await;
    shows(&driver, "1").await;
    driver.page.refresh().await.unwrap();
    shows(&driver, "1").await;
    let first = driver.page.window().await.unwrap();
    let second = driver.page.new_window(true).await.unwrap();
    driver.page.switch_to_window(second.handle).await.unwrap();
    driver.page.goto(running.url()).await.unwrap();
    shows(&driver, "0").await;
    driver.page.switch_to_window(first).await.unwrap();
    click(&driver).await;
    shows(&driver, "2").await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn two_browsers_have_a_state_each_and_all_tabs_of_one_share_it() {
    let running = program(Scope::User).await;
    let (ada, bob) = (Driver::chromium().await, Driver::chromium().await);
    for driver in [&ada, &bob] {
        driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
        shows(driver, "0").await;
    }
    click(&ada).await;
    shows(&ada, "1").await;
    shows(&bob, "0").await;
    let tab = ada.page.new_window(true).await.unwrap();
    ada.page.switch_to_window(tab.handle).await.unwrap();
    ada.page.goto(running.url()).await.unwrap();
    shows(&ada, "1").await;
    for driver in [ada, bob] {
        driver.page.clone().close().await.unwrap();
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_whose_room_has_ended_gets_another_one_by_itself() {
    let running = program(Scope::Named).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.page.goto(&format!("{}/?room=a", running.url())).await.unwrap();
    shows(&driver, "a 0").await;
    click(&driver).await;
    shows(&driver, "a 1").await;
    driver.js("trame.trigger('end').catch(() => 0); return 1").await;
    shows(&driver, "a 0").await;
    click(&driver).await;
    shows(&driver, "a 1").await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_works_under_a_path_and_keeps_its_room() {
    let server = Rooms::new(app).scope(Scope::Page).server().unwrap();
    let running = server.spawn(options().base_path("/apps/atlas/")).await.unwrap();
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    shows(&driver, "0").await;
    click(&driver).await;
    shows(&driver, "1").await;
    assert_eq!(driver.page.current_url().await.unwrap().path(), "/apps/atlas/index.html");
    driver.page.refresh().await.unwrap();
    shows(&driver, "1").await;
    // At the root, as behind a proxy that removes the path, the page has not been signed in.
    driver.page.goto(running.url()).await.unwrap();
    driver.js_until("document.body.textContent.includes('Not signed in')").await;
    driver.page.goto(&format!("{}/apps/atlas/", running.url())).await.unwrap();
    shows(&driver, "1").await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_page_of_trame_has_a_room_for_each_user() {
    let page = &manifests()[0];
    let rooms = Rooms::new(move |room| {
        let server = app(room)?;
        server.enable_module(Module::from_manifest(page)?)?;
        Ok(server)
    });
    let running = start(&rooms.scope(Scope::User).server().unwrap()).await;
    let (ada, bob) = (Driver::chromium().await, Driver::chromium().await);
    for (driver, name) in [(&ada, "Ada"), (&bob, "Bob")] {
        driver.page.goto(&running.sign_in_url_for(name).unwrap()).await.unwrap();
        shows(driver, &format!("{name} 0")).await;
    }
    assert!(
        ada.js(
            "return window.selvedgeEarly === undefined && !document.querySelector('.sv-notices')"
        )
        .await
        .as_bool()
        .unwrap(),
        "it is trame's own page"
    );
    click(&ada).await;
    shows(&ada, "Ada 1").await;
    shows(&bob, "Bob 0").await;
    ada.page.refresh().await.unwrap();
    shows(&ada, "Ada 1").await;
    for driver in [ada, bob] {
        driver.page.clone().close().await.unwrap();
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn controls_of_a_viewer_are_disabled_and_follow_the_others() {
    let server = Server::new("rooms");
    server.state().set("count", 0);
    server.trigger("export", |cx: Ctx| cx.set("exported", true)).for_viewers();
    server.template(
        "main",
        "<main><button id=more @click=\"count += 1\">{{ count }}</button>
         <input id=field v-model.number=count type=number>
         <selvedge-slider id=slider v-model=count></selvedge-slider>
         <button id=export @click=\"trigger('export')\">Export</button></main>",
    );
    server.admit(|user: &User| match user.name() {
        Some("Ada") => Ok(Role::Editor),
        _ => Ok(Role::Viewer),
    });
    let running = start(&server).await;
    let (ada, bob) = (Driver::chromium().await, Driver::chromium().await);
    for (driver, name) in [(&ada, "Ada"), (&bob, "Bob")] {
        driver.page.goto(&running.sign_in_url_for(name).unwrap()).await.unwrap();
        shows(driver, "0").await;
    }
    click(&ada).await;
    shows(&bob, "1").await;
    bob.js_until("document.querySelector('#more').disabled").await;
    let disabled =
        "return [...document.querySelectorAll('main button, main input')].map(e => e.disabled)";
    assert_eq!(bob.js(disabled).await, serde_json::json!([true, true, true, false]));
    assert!(!ada.js(disabled).await.as_array().unwrap().contains(&true.into()));
    bob.js("document.querySelector('#export').click()").await;
    ada.js_until("trame.state.get('exported') === true").await;
    // What the page does not prevent, the server refuses; the page shows why, and the true value.
    bob.js("trame.state.set('count', 50)").await;
    bob.js_until("document.body.textContent.includes('You can look at this, but not change it')")
        .await;
    shows(&bob, "1").await;
    for driver in [ada, bob] {
        driver.page.clone().close().await.unwrap();
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_that_the_browser_keeps_for_the_way_back_is_not_here_meanwhile() {
    let server = app(&Room::shared()).unwrap();
    let running = start(&server).await;
    let elsewhere = start(&app(&Room::shared()).unwrap()).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    shows(&driver, "0").await;
    let is_here = async |count: usize| {
        until("the people", async || (server.people().len() == count).then_some(())).await;
    };
    is_here(1).await;
    driver.page.goto(elsewhere.url()).await.unwrap();
    is_here(0).await;
    driver.page.back().await.unwrap();
    is_here(1).await;
    click(&driver).await;
    shows(&driver, "1").await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
    elsewhere.stop().await.unwrap();
}
