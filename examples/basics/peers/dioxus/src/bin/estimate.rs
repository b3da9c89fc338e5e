use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use dioxus::prelude::*;
use tokio::{sync::mpsc, task::spawn_blocking};

const PART: u64 = 100_000;

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Idle,
    Running,
    Done(f64),
    Cancelled,
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn estimate(
    millions: u64,
    cancelled: &AtomicBool,
    progress: &mpsc::UnboundedSender<(f64, String)>,
) -> Option<f64> {
    let (began, total) = (Instant::now(), millions * 1_000_000);
    let (mut random, mut inside) = (Random(88_172_645_463_325_252), 0_u64);
    for done in (PART..=total).step_by(PART as usize) {
        if cancelled.load(Ordering::Relaxed) {
            return None;
        }
        inside += (0..PART).filter(|_| random.next().hypot(random.next()) < 1.0).count() as u64;
        let part = done as f64 / total as f64;
        let left = began.elapsed().as_secs_f64() * (1.0 / part - 1.0);
        let message = format!("π ≈ {:.5}, {left:.0} s left", 4.0 * inside as f64 / done as f64);
        let _ = progress.send((part, message));
    }
    Some(4.0 * inside as f64 / total as f64)
}

fn main() {
    dioxus::launch(app);
}

fn app() -> Element {
    let mut millions = use_signal(|| 200_u64);
    let mut phase = use_signal(|| Phase::Idle);
    let mut progress = use_signal(|| 0.0);
    let mut message = use_signal(String::new);
    let mut cancelled = use_signal(|| Arc::new(AtomicBool::new(false)));
    let start = move |_| async move {
        let flag = Arc::new(AtomicBool::new(false));
        cancelled.set(flag.clone());
        phase.set(Phase::Running);
        let (sender, mut reports) = mpsc::unbounded_channel();
        let count = millions();
        let job = spawn_blocking(move || estimate(count, &flag, &sender));
        while let Some((part, text)) = reports.recv().await {
            progress.set(part);
            message.set(text);
        }
        match job.await {
            Ok(Some(pi)) => phase.set(Phase::Done(pi)),
            Ok(None) => phase.set(Phase::Cancelled),
            Err(error) => {
                phase.set(Phase::Idle);
                message.set(format!("It failed: {error}"));
            }
        }
    };
    let running = phase() == Phase::Running;
    rsx! {
        p {
            label {
                "Millions of points "
                input {
                    r#type: "number",
                    min: "1",
                    value: "{millions}",
                    oninput: move |event| {
                        if let Ok(value) = event.value().parse() {
                            millions.set(value);
                        }
                    },
                }
            }
        }
        button { disabled: running, onclick: start, "Estimate π" }
        if running {
            button { onclick: move |_| cancelled.read().store(true, Ordering::Relaxed), "Cancel" }
            progress { value: "{progress}" }
        }
        p { if phase() == Phase::Cancelled { "Cancelled" } else { "{message}" } }
        if let Phase::Done(pi) = phase() {
            p { "π ≈ {pi}" }
        }
    }
}
