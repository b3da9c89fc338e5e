//! A dashboard: a sensor that is read 20 times a second, its plot, and controls.
#![forbid(unsafe_code)]

use std::{process::ExitCode, time::Duration};

use selvedge::{Ctx, Model, Result, Server, StartOptions, state::Series};

/// Number of points in the plot: 20 seconds.
const SHOWN: usize = 400;

#[derive(Model)]
struct Dashboard {
    #[model(default = true)]
    running: bool,
    /// In bar.
    #[model(default = 4.0)]
    limit: f64,
    #[model(read_only, transient)]
    alarm: bool,
    /// In seconds.
    #[model(read_only, transient)]
    time: f64,
    /// Times in seconds, and pressures in bar.
    #[model(read_only, transient)]
    history: Vec<(f64, f64)>,
}

const PAGE: &str = r#"
    <selvedge-app>
      <selvedge-toolbar title="Pressure">
        <selvedge-space></selvedge-space>
        <selvedge-led :on="alarm" tone="danger">{{ alarm ? "Too high" : "Normal" }}</selvedge-led>
      </selvedge-toolbar>
      <main><selvedge-plot :points="history" x-label="Time, s" y-label="Pressure, bar"></selvedge-plot></main>
      <selvedge-sidebar><selvedge-stack>
        <label><input type="checkbox" v-model="running"> Running</label>
        <selvedge-field label="Limit" unit="bar"><input type="number" step="0.1" v-model.number="limit"></selvedge-field>
        <button @click="trigger('clear')">Clear</button>
      </selvedge-stack></selvedge-sidebar>
    </selvedge-app>
"#;

/// Reads the sensor.
fn pressure(time: f64) -> f64 {
    3.0 + time.sin() + 0.3 * (7.3 * time).sin()
}

fn measure(cx: &Ctx, history: &Series<(f64, f64)>) -> Result<()> {
    let Dashboard { running, limit, time, .. } = Dashboard::read(cx)?;
    if !running {
        return Ok(());
    }
    let bar = pressure(time);
    Dashboard::TIME.set(cx, time + 0.05);
    Dashboard::ALARM.set(cx, bar > limit);
    history.push((time, bar))
}

fn app() -> Result<Server> {
    let server = Server::new("dashboard");
    server.state().add_model::<Dashboard>()?;
    let history = server.state().series(Dashboard::HISTORY).keep(SHOWN);
    let points = history.clone();
    server.every(Duration::from_millis(50), move |cx: Ctx| measure(&cx, &points));
    server.trigger("clear", move |_: Ctx| history.clear());
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

    #[tokio::test(start_paused = true)]
    async fn the_plot_shows_the_last_twenty_seconds() -> Result {
        let app = TestApp::start(&app()?).await?;
        let user = app.user().await?.patience(Duration::from_secs(60));
        let full = |history: &Vec<(f64, f64)>| history.last().is_some_and(|(time, _)| *time > 30.0);
        let history = user.wait_for(Dashboard::HISTORY, full).await?;
        assert_eq!(history.len(), SHOWN);
        app.stop().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_low_limit_raises_the_alarm_and_a_pause_keeps_the_plot() -> Result {
        let app = TestApp::start(&app()?).await?;
        let mut page = app.page().await?;
        assert!(page.text().await?.contains("Normal"));
        page.fill("Limit", "0.5").await?;
        page.wait_for_text("Too high").await?;
        page.press("Running").await?;
        let before = page.user().get(Dashboard::HISTORY)?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(page.user().get(Dashboard::HISTORY)?, before);
        page.press("Clear").await?;
        assert!(page.user().get(Dashboard::HISTORY)?.is_empty());
        assert_eq!(page.mistakes()?, [""; 0]);
        app.stop().await
    }
}
