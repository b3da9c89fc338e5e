#![allow(clippy::unwrap_used)]

use selvedge::{
    StartOptions,
    rooms::Room,
    testing::{Result, TestApp},
};
use serde_json::{Value, json};

use super::board;

#[tokio::test]
async fn what_one_draws_and_writes_the_others_see() -> Result {
    let app = TestApp::start(&board(&Room::shared())?).await?;
    let (ada, bob) = (app.user().await?, app.user().await?);
    ada.trigger("draw", ("#ef4444", [[10, 10], [2000, -5]])).await?;
    let id: u64 = ada.trigger("add_note", (100, 200, "no color")).await?.decode()?;
    assert_eq!(id, 1);
    bob.wait_for("notes", |notes: &Value| notes[0]["x"] == 100.0).await?;
    let ink = bob.get::<Value>("ink")?;
    assert_eq!(ink, json!([{"color": "#ef4444", "points": [[10.0, 10.0], [1600.0, 0.0]]}]));
    ada.set("note_1", "valve").await?;
    bob.wait_for("texts", |texts: &Value| texts["1"] == "valve").await?;
    assert!(ada.set("note_1", "x".repeat(3000)).await.is_err());
    bob.trigger("remove_note", (1,)).await?;
    ada.wait_for("texts", |texts: &Value| *texts == json!({})).await?;
    // Ids are not used again: a page may still show the old note.
    let id: u64 = ada.trigger("add_note", (0, 0, "")).await?.decode()?;
    assert_eq!(id, 2);
    app.stop().await
}

#[tokio::test]
async fn people_with_a_name_enter_by_invitation_only_and_some_look_on() -> Result {
    let app = TestApp::start(&board(&Room::shared())?).await?;
    let host = app.user().await?;
    let refused = app.user_named("Eve").await.unwrap_err().to_string();
    assert!(refused.contains("Eve was not invited"), "{refused}");
    for (name, is_viewer) in [("Bob", false), ("Eve", true)] {
        let link: String = host.trigger("invite", (name, is_viewer)).await?.decode()?;
        assert!(link.starts_with("?sign_in="), "{link}");
    }
    // Those who have the links, and a user of the operator's.
    let (bob, eve) = (app.user_named("Bob []").await?, app.user_named("Eve").await?);
    bob.trigger("draw", ("", [[1, 1], [2, 2]])).await?;
    assert!(eve.trigger("draw", ("", [[1, 1], [2, 2]])).await.is_err());
    assert!(eve.trigger("invite", ("Mallory", false)).await.is_err());
    eve.trigger("point", (5, 6)).await?;
    let members = host.wait_for("members", |members: &Value| members[2]["name"] == "Eve").await?;
    assert_eq!(members[2]["is_viewer"], true);
    let client = members[2]["client"].as_str().unwrap().to_owned();
    host.wait_for("pointers", |pointers: &Value| pointers[&client] == json!([5.0, 6.0])).await?;
    eve.leave().await?;
    host.wait_for("pointers", |pointers: &Value| pointers[&client].is_null()).await?;
    app.stop().await
}

#[tokio::test]
async fn people_without_a_name_may_give_themselves_one() -> Result {
    let app = TestApp::start(&board(&Room::shared())?).await?;
    let (ada, _other) = (app.user().await?, app.user().await?);
    let me: String = ada.trigger("introduce", ("  Ada ",)).await?.decode()?;
    let members = ada.wait_for("members", |members: &Value| members[0]["name"] == "Ada").await?;
    assert_eq!((&members[0]["client"], &members[1]["name"]), (&json!(me), &json!("Guest")));
    assert_ne!(members[0]["color"], members[1]["color"]);
    app.stop().await
}

#[tokio::test]
async fn a_board_that_is_kept_has_its_ink_and_notes_again() -> Result {
    let folder = std::env::temp_dir().join(format!("selvedge-board-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let options = StartOptions::new().keep_state(folder.join("state"));
    let app = TestApp::start_with(&board(&Room::shared())?, options.clone()).await?;
    let ada = app.user().await?;
    ada.trigger("draw", ("", [[1, 1], [2, 2]])).await?;
    ada.trigger("add_note", (10, 10, "")).await?;
    ada.set("note_1", "valve").await?;
    ada.wait_for("texts", |texts: &Value| texts["1"] == "valve").await?;
    app.stop().await?;
    let app = TestApp::start_with(&board(&Room::shared())?, options).await?;
    let ada = app.user().await?;
    assert_eq!(ada.get::<String>("note_1")?, "valve");
    assert_eq!(ada.get::<Vec<Value>>("ink")?.len(), 1);
    let id: u64 = ada.trigger("add_note", (10, 10, "")).await?.decode()?;
    assert_eq!(id, 2);
    app.stop().await?;
    std::fs::remove_dir_all(folder).unwrap();
    Ok(())
}

#[tokio::test]
async fn the_page_is_without_mistakes() -> Result {
    let app = TestApp::start(&board(&Room::shared())?).await?;
    let mut page = app.page().await?;
    page.press("Clear").await?;
    page.wait_for_text("Clear the ink?").await?;
    assert_eq!(page.mistakes()?, [""; 0]);
    app.stop().await
}

#[tokio::test]
async fn who_opens_a_new_board_may_invite_and_an_invitation_is_for_one_board() -> Result {
    let app = TestApp::start(&board(&Room::shared())?).await?;
    let ada = app.user_named("Ada").await?;
    assert!(app.user_named("Bob").await.is_err());
    ada.trigger("invite", ("Bob", false)).await?;
    // An invitation does not change an existing role.
    assert!(ada.trigger("invite", ("Ada", true)).await.is_err());
    app.user_named("Bob").await?;
    // A link that another board has made.
    let other = app.user_named("Ada [other]").await.unwrap_err().to_string();
    assert!(other.contains("was not invited"), "{other}");
    app.stop().await
}
