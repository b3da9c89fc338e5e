//! A run while it is served, and its end in order.

use std::sync::Arc;

use selvedge_port::{Listener, Released, ServeOptions};
use tokio::{runtime::Handle, sync::watch, task::spawn_blocking, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    StopReport,
    claim::release,
    cluster::Cluster,
    frames::Frames,
    keep::Keeper,
    monitor::Monitor,
    room_registry::Registry,
    stop::{RunOutcome, StopFailure},
};
use crate::{
    Error, Lifecycle, Result, Server, blocking,
    http::{Http, Site},
    protocol::Tasks,
    stop_times,
};

/// A run while it is served. Dropping it allows the server to be started again.
pub(super) struct Run {
    pub(super) server: Server,
    pub(super) requested: CancellationToken,
    pub(super) tasks: Tasks,
    pub(super) site: Site,
    pub(super) rooms: Option<Arc<Registry>>,
    pub(super) frames: Frames,
    pub(super) keeper: Option<Arc<Keeper>>,
    pub(super) monitor: Monitor,
    pub(super) cluster: Option<Cluster>,
    pub(super) limits: ServeOptions,
}

impl Run {
    /// Serves until asked to stop, then ends in order: last data, close frames and answers,
    /// sockets, probe, callbacks, hooks.
    pub(super) async fn drive(
        mut self,
        listener: Option<Listener>,
        outcome: watch::Sender<RunOutcome>,
    ) {
        let (monitor, cluster) = (std::mem::take(&mut self.monitor), self.cluster.take());
        let released = self.serve(listener, monitor, cluster).await;
        self.tasks.finish(stop_times::CALLBACKS).await;
        if let Some(keeper) = self.keeper.clone() {
            // Fails if the runtime is shutting down; then the file is slightly out of date.
            let _ = spawn_blocking(move || keeper.save()).await;
        }
        self.run_exit_hooks().await;
        self.site.access.settle();
        let exit_code = self.server.settings().exit_code;
        drop(self);
        let result = released
            .map(|released| StopReport { exit_code, ..released.into() })
            .map_err(StopFailure::from);
        match &result {
            Ok(report) if report.addresses.is_empty() => tracing::debug!("stopped"),
            Ok(report) => tracing::info!(elapsed = ?report.elapsed, "stopped, the port is free"),
            Err(failure) => tracing::error!("{}", Error::from(failure.clone())),
        }
        outcome.send_replace(Some(result));
    }

    /// Runs the hooks on `ServerExited`, and waits briefly for the tasks that they start.
    async fn run_exit_hooks(&self) {
        let tasks = Tasks::new(Handle::current());
        self.server.hub().use_tasks(tasks.clone());
        let hooks = self.server.run_hooks(Lifecycle::ServerExited);
        let limit = stop_times::EXIT_HOOKS;
        if timeout(limit, hooks).await.is_err() {
            tracing::warn!("hooks on ServerExited did not end within {limit:?}");
        }
        tasks.finish(stop_times::CALLBACKS).await;
    }

    async fn serve(
        &self,
        listener: Option<Listener>,
        monitor: Monitor,
        cluster: Option<Cluster>,
    ) -> Result<Released> {
        let nodes = async {
            match cluster {
                Some(cluster) => cluster.serve(self).await,
                None => Ok(Released::default()),
            }
        };
        let (released, monitored, nodes, ()) = tokio::join!(
            self.serve_sockets(listener),
            monitor.serve(self),
            Box::pin(nodes),
            self.begin_to_close()
        );
        let clients = &self.frames.clients;
        clients.close();
        if timeout(stop_times::GOODBYES, clients.wait()).await.is_err() {
            tracing::warn!("{} clients did not read their close frame", clients.len());
        }
        let (mut released, monitored, nodes) = (released?, monitored?, nodes?);
        released.addresses.extend(monitored.addresses);
        released.addresses.extend(nodes.addresses);
        Ok(released)
    }

    /// Waits for the request to stop, flushes, waits for pending answers, and starts the closing.
    async fn begin_to_close(&self) {
        self.requested.cancelled().await;
        let state = self.server.state().clone();
        let settled = async {
            blocking::run(move || state.flush()).await;
            self.server.hub().calls_answered().await;
        };
        if timeout(stop_times::ANSWERS, settled).await.is_err() {
            tracing::debug!("some calls are not answered: the stop does not wait for them");
        }
        if let Some(rooms) = &self.rooms {
            rooms.end().await;
        }
        self.frames.closing.cancel();
    }

    async fn serve_sockets(&self, listener: Option<Listener>) -> Result<Released> {
        let closing = self.frames.closing.clone();
        let Some(listener) = listener else {
            closing.cancelled().await;
            return Ok(Released::default());
        };
        let http = Http::new(self.site.clone());
        let handler = move |connection| http.clone().serve(connection);
        Ok(selvedge_port::serve(listener, closing, self.limits.clone(), handler).await?)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.frames.closing.cancel();
        self.frames.ended.cancel();
        release(&self.server);
    }
}
