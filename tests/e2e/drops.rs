//! Tests files that are dragged from another program onto a window.

use std::fs;

use tokio::process::Command;

use crate::{
    program::{Program, drag_source, manners, until},
    screen::Screen,
};

/// What the page records of a dropped file.
async fn noted_of_drop(markup: &str) -> String {
    let screen = Screen::start().await;
    let program = Program::start_with(&manners(), &[], |command| {
        let over = r#"<p @vue:mounted="window.addEventListener('dragenter', () => trigger('note', ['over']), { once: true })">x</p>"#;
        command.envs(screen.environment()).env("MANNERS_MARKUP", format!("{over}{markup}"));
    })
    .await;
    program.joined(1).await;
    let mut client = program.client().await;
    let window = screen.window(program.pid()).await;
    window.place([300, 150, 700, 500]);
    let file = program.traces.path().join("a table.csv");
    fs::write(&file, "1,2").unwrap();
    let mut command = program.traces.command(&drag_source());
    command.arg(&file).envs(screen.environment());
    let source = Command::from(command).kill_on_drop(true).spawn().unwrap();
    let from = screen.window(source.id().unwrap() as i32).await;
    from.place([20, 20, 150, 150]);
    until("the places", async || {
        (window.corner() == (300, 150) && from.corner() == (20, 20)).then_some(())
    })
    .await;

    from.hold((70, 70), (400, 300));
    until("the drag", async || (client.snapshot().await["noted"] == "over").then_some(())).await;
    screen.release();
    until("the drop", async || {
        let noted = client.snapshot().await["noted"].as_str().unwrap().to_owned();
        (noted != "over").then_some(noted)
    })
    .await
}

#[tokio::test]
async fn a_page_gets_the_files_that_are_dropped_where_it_wants_them() {
    let zone = r#"<div style="position: fixed; inset: 0" @dragover.prevent
        @drop.prevent="$event.dataTransfer.files[0].text().then((text) => trigger('note', [text]))"></div>"#;
    assert_eq!(noted_of_drop(zone).await, "1,2");
}

#[tokio::test]
async fn a_file_field_takes_a_dropped_file() {
    let field = r#"<input type=file style="position: fixed; inset: 0; width: 100%; height: 100%"
        @change="trigger('note', [$event.target.files[0].name])">"#;
    assert_eq!(noted_of_drop(field).await, "a table.csv");
}
