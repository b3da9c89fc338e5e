//! Programs with a window: how long they take to it and to their page, and what they use.
//!
//! The page has a block in [`COLOR`], which is drawn once the state has arrived. Times are read off
//! the X server, so they contain everything that a user waits for.

use std::{
    collections::HashMap,
    fs,
    io::{self, ErrorKind},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use x11rb::{
    connection::Connection,
    protocol::xproto::{ConnectionExt, ImageFormat, MapState, Window},
    rust_connection::RustConnection,
};

use crate::{processes, report::Row, servers::Kind, work::Figures};

/// Blue, green and red of the block, as the X server stores them.
const COLOR: [u8; 3] = [0x34, 0xab, 0x12];

/// Maximum duration of a start.
const LIMIT: Duration = Duration::from_secs(30);

/// Time after the start in which programs finish what they do in the background.
const SETTLE: Duration = Duration::from_secs(3);

/// Time for which an idle program is watched.
const IDLE: Duration = Duration::from_secs(5);

/// Measures programs with a window, in turn.
pub(crate) fn row(programs: &[Kind], rounds: usize) -> io::Result<Row> {
    let mut servers: Vec<_> = programs.iter().map(|kind| (kind.name, Vec::new())).collect();
    // The first start of each reads it from the disk.
    for round in 0..=rounds {
        for (program, (name, figures)) in programs.iter().zip(&mut servers) {
            let measured = measure(program)
                .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
            if round > 0 {
                figures.push(measured);
            }
        }
    }
    Ok(Row { case: "desktop", servers })
}

fn measure(kind: &Kind) -> io::Result<Figures> {
    let screen = Screen::connect()?;
    // The window of the program before may belong to a process that is still ending.
    let begin = Instant::now();
    while screen.window()?.is_some() {
        if begin.elapsed() > LIMIT {
            return Err(io::Error::other("a window is left of the program before"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let (program, arguments) = kind.program.split_first().ok_or(ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).args(kind.flags.unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut running = Running(command.spawn()?);
    let window = running.until(begin, || screen.window())?;
    let window_shown = begin.elapsed();
    running.until(begin, || Ok(screen.shows_block(window)?.then_some(())))?;
    let page_shown = begin.elapsed();
    let processor = processor_time(&running.processes());
    thread::sleep(SETTLE);
    let pids = running.processes();
    let (memory, alone) = (memory(&pids), memory(&pids[..1]));
    let before = processor_time(&pids);
    thread::sleep(IDLE);
    let idle = processor_time(&pids) - before;
    Ok(vec![
        ("window, ms", milliseconds(window_shown)),
        ("page drawn, ms", milliseconds(page_shown)),
        ("CPU to the page, ms", processor),
        ("memory, MiB", memory),
        ("program alone, MiB", alone),
        ("idle CPU, ms/s", idle / IDLE.as_secs_f64()),
    ])
}

/// The display, which shows nothing but the measured program.
struct Screen {
    server: RustConnection,
    root: Window,
}

impl Screen {
    fn connect() -> io::Result<Self> {
        let (server, number) = x11rb::connect(None).map_err(io::Error::other)?;
        let root = server.setup().roots[number].root;
        Ok(Screen { server, root })
    }

    /// Returns the window if one is shown.
    fn window(&self) -> io::Result<Option<Window>> {
        let tree = self.server.query_tree(self.root).map_err(io::Error::other)?;
        for window in tree.reply().map_err(io::Error::other)?.children {
            // It may be gone by now.
            let size = self.server.get_geometry(window).map(|size| size.reply());
            let attributes =
                self.server.get_window_attributes(window).map(|attributes| attributes.reply());
            if let (Ok(Ok(size)), Ok(Ok(attributes))) = (size, attributes)
                && attributes.map_state == MapState::VIEWABLE
                && size.width >= 200
                && size.height >= 100
            {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    /// Whether a column of a window's pixels has the color of the block.
    fn shows_block(&self, window: Window) -> io::Result<bool> {
        let size = self.server.get_geometry(window).map_err(io::Error::other)?;
        let size = size.reply().map_err(io::Error::other)?;
        let (middle, format) = (size.width as i16 / 2, ImageFormat::Z_PIXMAP);
        let column = self.server.get_image(format, window, middle, 0, 1, size.height, u32::MAX);
        let column = column.map_err(io::Error::other)?.reply().map_err(io::Error::other)?;
        Ok(column.data.chunks_exact(4).any(|pixel| pixel.starts_with(&COLOR)))
    }
}

/// A running program. It and its children are killed when this is dropped.
struct Running(Child);

impl Running {
    /// Waits until a condition returns something.
    fn until<T>(
        &mut self,
        begin: Instant,
        condition: impl Fn() -> io::Result<Option<T>>,
    ) -> io::Result<T> {
        loop {
            if let Some(value) = condition()? {
                return Ok(value);
            }
            if let Some(status) = self.0.try_wait()? {
                return Err(io::Error::other(format!("it ended early: {status}")));
            }
            if begin.elapsed() > LIMIT {
                return Err(ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Returns its process and all descendants of it.
    fn processes(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(pid) = pid
                && let Some(parent) = processes::parent(pid)
            {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut found = vec![self.0.id()];
        let mut at = 0;
        while let Some(pid) = found.get(at) {
            found.extend(children.remove(pid).unwrap_or_default());
            at += 1;
        }
        found
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in self.processes() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid as i32) {
                // An error means that it has ended.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        drop(self.0.wait());
    }
}

/// Processor time of processes, in milliseconds.
fn processor_time(pids: &[u32]) -> f64 {
    let time: Duration = pids.iter().map(|pid| processes::processor_time(*pid)).sum();
    milliseconds(time)
}

/// Memory of processes in MiB, with shared pages divided among the processes that share them.
fn memory(pids: &[u32]) -> f64 {
    let shares = pids.iter().filter_map(|pid| processes::memory(*pid, "smaps_rollup", "Pss"));
    shares.sum::<f64>() / 1024.0
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
