//! Tests the example with rooms and users: three people at one board.

use selvedge::Running;
use serde_json::{Value, json};

use crate::{
    driver::Driver,
    pictures::{shows, sized},
    support::options,
};

/// The size of the board in its own units.
const SIZE: [f64; 2] = [1600.0, 900.0];

struct Seat {
    driver: Driver,
}

impl Seat {
    /// Opens the board with this link, and waits until it is there.
    async fn at(link: &str) -> Self {
        let driver = Driver::chromium().await;
        sized(&driver, 1280, 800).await;
        driver.page.goto(link).await.unwrap();
        driver.js_until("trame.state.get('me') !== '' && document.querySelector('#surface')").await;
        Seat { driver }
    }

    async fn until(&self, condition: &str) {
        self.driver.js_until(condition).await;
    }

    async fn trigger(&self, name: &str, arguments: Value) -> Value {
        self.driver.js(&format!("return await trame.trigger('{name}', {arguments})")).await
    }

    /// Moves the pointer over these places of the board, with its button pressed.
    async fn drag(&self, places: &[[f64; 2]]) {
        const BOX: &str = "const { left, top, width, height } = document.querySelector('#surface').getBoundingClientRect();
            return [left, top, width, height]";
        let place: Vec<f64> = serde_json::from_value(self.driver.js(BOX).await).unwrap();
        let last = places.len() - 1;
        for (at, [x, y]) in places.iter().enumerate() {
            let kind = match at {
                0 => "mousePressed",
                at if at == last => "mouseReleased",
                _ => "mouseMoved",
            };
            let event = json!({
                "type": kind, "button": "left", "buttons": 1, "clickCount": 1,
                "x": place[0] + x / SIZE[0] * place[2], "y": place[1] + y / SIZE[1] * place[3],
            });
            self.driver.devtools("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types into the note at this position of the list.
    async fn write(&self, note: usize, text: &str) {
        let focus = format!("document.querySelectorAll('textarea')[{note}].focus()");
        self.driver.js(&focus).await;
        self.driver.devtools("Input.insertText", json!({ "text": text })).await;
    }
}

async fn invite(host: &Seat, running: &Running, name: &str, is_viewer: bool) -> Seat {
    let query = host.trigger("invite", json!([name, is_viewer])).await;
    Seat::at(&format!("{}/{}", running.url(), query.as_str().unwrap())).await
}

/// A pump, a tank and pipes between them: colour and points of each line.
fn sketch() -> Vec<(&'static str, Vec<[f64; 2]>)> {
    let arc = |x: f64, y: f64, r: f64, from: f64, to: f64| -> Vec<[f64; 2]> {
        let angle = |step: i32| from + (to - from) * f64::from(step) / 40.0;
        (0..=40).map(|step| [x + r * angle(step).cos(), y + r * angle(step).sin()]).collect()
    };
    const TAU: f64 = std::f64::consts::TAU;
    vec![
        ("#64748b", arc(340.0, 560.0, 90.0, 0.0, TAU)),
        ("#64748b", vec![[300.0, 480.0], [430.0, 560.0], [300.0, 640.0]]),
        ("#3b82f6", vec![[430.0, 560.0], [760.0, 560.0], [760.0, 380.0], [880.0, 380.0]]),
        ("#64748b", vec![[880.0, 280.0], [880.0, 700.0], [1160.0, 700.0], [1160.0, 280.0]]),
        (
            "#3b82f6",
            (0..=56)
                .map(|x| f64::from(x) * 5.0 + 880.0)
                .map(|x| [x, 430.0 + 10.0 * (x / 18.0).sin()])
                .collect(),
        ),
        ("#3b82f6", vec![[1020.0, 700.0], [1020.0, 790.0], [340.0, 790.0], [340.0, 650.0]]),
        ("#ef4444", arc(760.0, 470.0, 34.0, 0.0, TAU)),
        ("#ef4444", vec![[760.0, 470.0], [778.0, 448.0]]),
    ]
}

#[tokio::test]
async fn three_people_draw_write_and_look_on() {
    let server = board::rooms().server().unwrap();
    let running = server.spawn(options()).await.unwrap();
    let link = running.sign_in_url().unwrap();
    let ada = Seat::at(&format!("{link}&room=atlas")).await;
    ada.driver.js("trame.state.set('nickname', 'Ada'); board.introduce()").await;
    let bob = invite(&ada, &running, "Bob", false).await;
    let eve = invite(&ada, &running, "Eve", true).await;

    // What one draws with the pointer, the others see.
    ada.drag(&[[100.0, 100.0], [150.0, 150.0], [200.0, 100.0], [250.0, 150.0]]).await;
    let drawn = "document.querySelectorAll('#surface polyline').length > 1";
    bob.until(drawn).await;
    eve.until(drawn).await;

    // Both write at the same time, each in a note.
    for (seat, place) in [(&ada, [250.0, 180.0]), (&bob, [1250.0, 160.0])] {
        seat.driver.js("trame.state.set('tool', 'note')").await;
        seat.until("document.querySelector('#surface').dataset.tool === 'note'").await;
        seat.drag(&[place, place]).await;
        seat.until("trame.state.get('tool') === 'draw'").await;
    }
    eve.until("document.querySelectorAll('textarea').length === 2").await;
    for (first, second) in [("Speed ", "Level "), ("300 1/min?", "falls at night")] {
        tokio::join!(ada.write(0, first), bob.write(1, second));
    }
    for (at, text) in [(0, "Speed 300 1/min?"), (1, "Level falls at night")] {
        eve.until(&format!("document.querySelectorAll('textarea')[{at}].value === '{text}'")).await;
    }

    // One who looks on has no tools, and moves a pointer that the others see.
    eve.until("document.body.textContent.includes('View only')").await;
    let tools =
        eve.driver.js("return document.querySelectorAll('button, [role=radio]').length").await;
    assert_eq!(tools, 0);
    eve.drag(&[[500.0, 500.0], [600.0, 500.0], [600.0, 500.0]]).await;
    ada.until("[...document.querySelectorAll('.board-pointer')].some((pointer) => pointer.textContent === 'Eve')").await;

    // The picture of the guide.
    ada.trigger("clear", json!([])).await;
    for (color, points) in sketch() {
        ada.trigger("draw", json!([color, points])).await;
    }
    ada.trigger("point", json!([60.0, 60.0])).await;
    bob.trigger("point", json!([1330.0, 470.0])).await;
    eve.trigger("point", json!([560.0, 690.0])).await;
    ada.until("trame.state.get('pointers')[trame.state.get('members')[2].client]?.[0] === 560")
        .await;
    ada.driver.js("document.activeElement.blur()").await;
    shows(&ada.driver, "board").await;

    // Another board, which did not invite him.
    ada.driver.page.goto(&format!("{}/?room=other", running.url())).await.unwrap();
    ada.until("document.querySelector('#surface') && trame.state.get('is_taken')").await;
    bob.driver.page.goto(&format!("{}/?room=other", running.url())).await.unwrap();
    bob.until("document.body.textContent.includes('Bob [atlas] was not invited to this board')")
        .await;
    for seat in [ada, bob, eve] {
        seat.driver.page.clone().close().await.unwrap();
    }
    running.stop().await.unwrap();
}
