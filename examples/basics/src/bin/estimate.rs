//! A long job: an estimate of π from random points, with progress, intermediate results and
//! cancellation.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::{Failure, Result, Server, StartOptions, jobs::Job};

/// Number of points between two reports.
const PART: u64 = 100_000;

const PAGE: &str = r#"
    <p><label>Millions of points <input type="number" min="1" v-model.number="millions"></label></p>
    <selvedge-job name="estimate" :args="[millions]">Estimate π</selvedge-job>
    <p v-if="estimate.state === 'done'">π ≈ {{ estimate.result }}</p>
"#;

/// A generator of random numbers from 0 to 1 (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn estimate(job: Job, millions: u64) -> Result<f64, Failure> {
    let total = millions * 1_000_000;
    let (mut random, mut inside) = (Random(88_172_645_463_325_252), 0_u64);
    for done in (PART..=total).step_by(PART as usize) {
        job.check()?;
        inside += (0..PART).filter(|_| random.next().hypot(random.next()) < 1.0).count() as u64;
        let pi = 4.0 * inside as f64 / done as f64;
        job.progress(done as f64 / total as f64, format!("π ≈ {pi:.5}"));
    }
    Ok(4.0 * inside as f64 / total as f64)
}

fn app() -> Server {
    let server = Server::new("estimate");
    server.state().set("millions", 200);
    server.job("estimate", estimate).title("Estimate of π");
    server.template("main", PAGE);
    server
}

fn main() -> ExitCode {
    selvedge::exit_code(app().run(StartOptions::from_args()))
}

#[cfg(test)]
mod tests {
    use selvedge::{
        jobs::{JobState, JobStatus},
        testing::{Result, TestApp},
    };

    use super::*;

    #[tokio::test]
    async fn the_estimate_is_near_and_every_page_sees_it() -> Result {
        let app = TestApp::start(&app()).await?;
        let (mut page, mut other) = (app.page().await?, app.page().await?);
        page.fill("Millions of points", "1").await?;
        page.press("Estimate π").await?;
        other.wait_for_text("π ≈ 3.14").await?;
        let done = |status: &JobStatus| status.state == JobState::Done;
        let pi: f64 = other.user().wait_for("estimate", done).await?.result.decode().unwrap();
        assert!((pi - std::f64::consts::PI).abs() < 0.01, "{pi}");
        assert_eq!(page.mistakes()?, [""; 0]);
        app.stop().await
    }

    #[tokio::test]
    async fn a_page_that_reloads_can_cancel_it() -> Result {
        let app = TestApp::start(&app()).await?;
        let mut page = app.page().await?;
        page.fill("Millions of points", "1000000").await?;
        page.press("Estimate π").await?;
        page.wait_for_text("left").await?;
        drop(page);
        let mut page = app.page().await?;
        page.press("Cancel: Estimate of π").await?;
        page.wait_for_text("Cancelled").await?;
        app.stop().await
    }
}
