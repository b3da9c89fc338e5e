//! An application with rooms, as a program describes it.

use std::{sync::Arc, time::Duration};

use crate::{
    Result, Server,
    app::{Room, RoomPlan, Scope},
    cluster::Engine,
};

/// Default of [`Rooms::idle`].
const IDLE: Duration = Duration::from_secs(600);

/// Default of [`Rooms::limit`].
const LIMIT: usize = 100;

/// Default of [`Rooms::kept`].
const KEPT: usize = 1000;

/// An application whose users do not all share one state: it has a room for each of them, or for
/// each group.
///
/// A room is a [`Server`] of its own, with its own state, listeners, triggers, jobs and files. It is
/// made when a page wants to enter it, and ends when it has been empty for a while. The program
/// listens on one port for all rooms.
///
/// ```no_run
/// use std::{process::ExitCode, time::Duration};
///
/// use selvedge::{Result, Server, StartOptions, exit_code, rooms::{Room, Rooms, Scope}};
///
/// fn app(room: &Room) -> Result<Server> {
///     let server = Server::new("counter");
///     server.state().set("count", 0).set("trame__title", format!("Counter {}", room.name()));
///     server.template("main", "<button @click=\"count += 1\">{{ count }}</button>");
///     Ok(server)
/// }
///
/// fn main() -> ExitCode {
///     let rooms = Rooms::new(app).scope(Scope::Named).idle(Duration::from_secs(3600));
///     exit_code(rooms.server().and_then(|server| server.run(StartOptions::from_args())))
/// }
/// ```
#[derive(Clone)]
pub struct Rooms {
    plan: RoomPlan,
}

impl Rooms {
    /// Describes an application with a room for each page. `app` makes a room: it is called off the
    /// runtime, and may block. Each call has to make another server, with [`Server::new`] and not
    /// with [`get_server`](crate::get_server).
    ///
    /// `app` is also called once at the start, for a room that is not entered and not started: its
    /// modules, headers and title are those of all pages.
    pub fn new(app: impl Fn(&Room) -> Result<Server> + Send + Sync + 'static) -> Self {
        let (make, scope) = (Arc::new(app), Scope::Page);
        Rooms { plan: RoomPlan { make, scope, idle: IDLE, limit: LIMIT, kept: KEPT, engine: None } }
    }

    /// Sets which pages share a room. Default: [`Scope::Page`].
    pub fn scope(mut self, scope: Scope) -> Self {
        self.plan.scope = scope;
        self
    }

    /// Sets how long a room without pages is kept. Default: 10 minutes. A new room waits at least 30
    /// seconds for its first page.
    pub fn idle(mut self, time: Duration) -> Self {
        self.plan.idle = time;
        self
    }

    /// Sets the maximum number of rooms. A page for which there is no room says so. Default: 100.
    pub fn limit(mut self, rooms: usize) -> Self {
        self.plan.limit = rooms;
        self
    }

    /// Sets the maximum number of rooms whose states are [kept](crate::StartOptions::keep_state). Beyond
    /// it, the states that have not changed for the longest time are removed when a room ends.
    /// Default: 1,000.
    pub fn kept(mut self, rooms: usize) -> Self {
        self.plan.kept = rooms;
        self
    }

    /// Lets the rooms be on several machines, if the program is started with the address of a store
    /// that they share: `--redis URL`, or [`StartOptions::redis`](crate::StartOptions::redis). See
    /// [`cluster`](crate::cluster).
    ///
    /// In [`Scope::Shared`] this makes the only room one that any node may have.
    pub fn cluster(mut self, engine: impl Engine) -> Self {
        self.plan.engine = Some(Arc::new(engine));
        self
    }

    /// Returns the server to start, as any other. It has no state of its own: each page is connected
    /// with its room.
    ///
    /// In [`Scope::Shared`] it is the server of the application.
    ///
    /// # Errors
    /// Those of the application.
    pub fn server(self) -> Result<Server> {
        let RoomPlan { make, scope, engine, .. } = &self.plan;
        match scope {
            Scope::Shared if engine.is_none() => make(&Room::shared()),
            _ => {
                let model = make(&Room::new(*scope, ""))?;
                Ok(model.front(self.plan))
            }
        }
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").field("scope", &self.plan.scope).finish_non_exhaustive()
    }
}
