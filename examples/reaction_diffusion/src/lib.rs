//! A Gray-Scott simulation that is computed in Rust and controlled from its page: the pattern for
//! an application with a worker thread, a picture that changes all the time, and a long job that
//! can be cancelled.
//!
//! - [`app`] declares state, listeners and triggers: everything that the page and the simulation
//!   share.
//! - `worker` computes on a thread, takes orders from a channel and publishes pictures and
//!   statistics.
//! - `simulation` is the model and depends on neither.
#![forbid(unsafe_code)]

mod palette;
mod simulation;
mod worker;

use palette::{PALETTES, palette};
use selvedge::{
    Ctx, Failure, Lifecycle, Model, Result, Server, calls::Rest, files::Saved, get_server,
    jobs::Job, window::WindowOptions,
};
use serde_json::{Value, json};
use simulation::Parameters;
use tokio::sync::oneshot;
use worker::{Image, Order, Simulation};

/// The name of the application.
pub const NAME: &str = "reaction-diffusion";

/// Name, title, feed and kill rate of patterns that are known to survive.
const PRESETS: &[(&str, &str, f64, f64)] = &[
    ("coral", "Coral", 0.0545, 0.062),
    ("mitosis", "Dividing cells", 0.0367, 0.0649),
    ("maze", "Maze", 0.029, 0.057),
    ("solitons", "Solitons", 0.03, 0.062),
    ("holes", "Holes", 0.039, 0.058),
    ("waves", "Waves", 0.014, 0.045),
];

fn preset(name: &str) -> Option<Parameters> {
    let &(_, _, feed, kill) = PRESETS.iter().find(|(known, ..)| *known == name)?;
    Some(Parameters { feed, kill, ..Parameters::default() })
}

/// Returns the application. Browser, window and tests all run it.
///
/// # Errors
/// If its state cannot be encoded.
pub fn app() -> Result<Server> {
    let server = get_server(NAME);
    let simulation = Simulation::default();
    declare_state(&server)?;
    follow_state(&server, &simulation);
    add_triggers(&server, &simulation);
    let started = simulation.clone();
    server.on(Lifecycle::ServerStart, move |cx: Ctx| started.start(&cx.server));
    server.on(Lifecycle::ServerExited, move |_: Ctx| simulation.stop());
    server.template("main", selvedge::template!("src/page.html"));
    server.set_window(WindowOptions::new().size(1180.0, 760.0).min_size(640.0, 480.0));
    Ok(server)
}

/// What the page shows and sets, besides the parameters. What is transient is not kept: the
/// simulation restarts with the program.
#[derive(Model)]
struct View {
    #[model(default = PRESETS[0].0.to_owned())]
    preset: String,
    #[model(default = PALETTES[0].name.to_owned())]
    palette: String,
    #[model(default = 8.0)]
    steps_per_frame: f64,
    #[model(default = 8.0)]
    brush: f64,
    #[model(default = true)]
    running: bool,
    #[model(transient)]
    iteration: u64,
    #[model(transient)]
    rate: f64,
    #[model(transient)]
    coverage: f64,
    #[model(transient)]
    status: String,
}

fn declare_state(server: &Server) -> Result<()> {
    let titled = |name: &str, title: &str| json!({"name": name, "title": title});
    let presets: Vec<Value> = PRESETS.iter().map(|(name, title, ..)| titled(name, title)).collect();
    let palettes: Vec<Value> =
        PALETTES.iter().map(|known| titled(known.name, known.title)).collect();
    let state = server.state();
    state.set("presets", presets).set("palettes", palettes).set("size", worker::SIZE);
    state.set("trame__title", "Reaction-diffusion").add_model::<Parameters>()?;
    state.add_model::<View>()
}

/// Passes what users set to the simulation, clamped to its range. All of these listeners also run
/// once at the start.
fn follow_state(server: &Server, simulation: &Simulation) {
    let to = simulation.clone();
    server.on_change(View::PRESET, move |cx: Ctx, name: String| {
        if let Some(parameters) = preset(&name) {
            parameters.write(&cx);
            to.tell(Order::Reset);
        }
    });
    let to = simulation.clone();
    server.on_change(
        ["feed", "kill", "diffusion_u", "diffusion_v", "preset"],
        move |cx: Ctx, _: Rest| -> Result<()> {
            let parameters = Parameters::read(&cx)?.clamped();
            parameters.write(&cx);
            if preset(&View::PRESET.get(&cx)?) != Some(parameters) {
                View::PRESET.set(&cx, String::new());
            }
            to.tell(Order::Use(parameters));
            Ok(())
        },
    );
    let to = simulation.clone();
    server.on_change(View::STEPS_PER_FRAME, move |cx: Ctx, steps: f64| {
        let steps = (steps as u32).clamp(1, 64);
        View::STEPS_PER_FRAME.set(&cx, steps.into());
        to.tell(Order::Pace(steps));
    });
    let to = simulation.clone();
    server
        .on_change(View::PALETTE, move |_: Ctx, name: String| to.tell(Order::Show(palette(&name))));
    let to = simulation.clone();
    server.on_change(View::RUNNING, move |_: Ctx, running: bool| to.tell(Order::Run(running)));
}

fn add_triggers(server: &Server, simulation: &Simulation) {
    let to = simulation.clone();
    server.trigger("step", move |_: Ctx| to.tell(Order::Step));
    let to = simulation.clone();
    server.trigger("reset", move |_: Ctx| to.tell(Order::Reset));
    let to = simulation.clone();
    server.job("steady_state", move |job: Job| run_to_steady_state(job, to.clone()));
    server.trigger("toggle", |cx: Ctx| View::RUNNING.update(&cx, |running| *running = !*running));
    let to = simulation.clone();
    server.trigger("paint", move |cx: Ctx, x: f32, y: f32, erase: bool| -> Result<()> {
        let radius = (View::BRUSH.get(&cx)? as usize).clamp(1, 40);
        to.tell(Order::Paint { x, y, radius, erase });
        Ok(())
    });
    let from = simulation.clone();
    server.trigger("export_png", move |cx: Ctx| export(cx, from.clone()));
}

async fn run_to_steady_state(job: Job, simulation: Simulation) -> Result<(), Failure> {
    let (answer, outcome) = oneshot::channel();
    simulation.tell(Order::RunToSteadyState(job.clone(), answer));
    job.message(outcome.await??);
    Ok(())
}

async fn export(cx: Ctx, simulation: Simulation) -> Result<(), Failure> {
    let (answer, image) = oneshot::channel();
    simulation.tell(Order::Export(answer));
    let png = encode_png(&image.await?)?;
    let status = match cx.save_file("field.png", "image/png", png).await? {
        Saved::To(path) => format!("Saved {}", path.display()),
        Saved::Downloaded => "Saved as a download".to_owned(),
        Saved::Cancelled => "Not saved".to_owned(),
    };
    View::STATUS.set(&cx, status);
    Ok(())
}

fn encode_png(image: &Image) -> Result<Vec<u8>, Failure> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, image.width as u32, image.height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(&image.palette.0[..]);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&image.data.0)?;
    writer.finish()?;
    Ok(file)
}
