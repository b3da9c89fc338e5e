//! The address for operators of a run.

use std::{net::SocketAddr, sync::Arc};

use selvedge_port::{Listener, Released};

use super::{StartOptions, addresses::host_and_port, drive::Run};
use crate::{
    Result, Server,
    http::{Allowed, Names},
    monitoring::{Levels, Metrics, Watched, router},
    stop_times,
};

impl StartOptions {
    /// Returns these options with the metrics that the run counts, if there is an address for them.
    pub(super) fn with_metrics(mut self) -> Self {
        if self.monitoring.is_some() {
            self.metrics = Some(Arc::default());
        }
        self
    }
}

/// The address for operators, if there is one.
#[derive(Default)]
pub(super) struct Monitor(Option<Open>);

struct Open {
    listener: Listener,
    host: String,
    metrics: Arc<Metrics>,
}

impl Monitor {
    /// Binds the address that the options name.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is none, and those of the bind.
    pub(super) async fn bind(options: &StartOptions) -> Result<Self> {
        let (Some(address), Some(metrics)) = (&options.monitoring, &options.metrics) else {
            return Ok(Monitor(None));
        };
        let (host, port) = host_and_port("--monitoring", address)?;
        let listener = Listener::bind(&host, port).await?;
        let url = format!("http://{}", listener.addresses()[0]);
        tracing::info!(url, "health and metrics");
        Ok(Monitor(Some(Open { listener, host, metrics: Arc::clone(metrics) })))
    }

    /// Returns the addresses that it listens on.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        self.0.as_ref().map_or(&[], |open| open.listener.addresses())
    }

    /// Answers until the run closes its clients.
    pub(super) async fn serve(self, run: &Run) -> Result<Released> {
        let Some(Open { listener, host, metrics }) = self.0 else {
            return Ok(Released::default());
        };
        let names = Names::new(&host, listener.addresses(), false, &Allowed::default())?;
        let is_local = listener.addresses().iter().all(|address| address.ip().is_loopback());
        let (draining, requested) = (run.site.draining.clone(), run.requested.clone());
        let (server, rooms) = (run.server.clone(), run.rooms.clone());
        let member = rooms.as_ref().and_then(|rooms| rooms.cluster.clone());
        let watched = Watched {
            metrics,
            is_ready: Box::new(move || {
                let is_cut_off = member.as_ref().is_some_and(|member| !member.is_ready());
                !draining.is_cancelled() && !requested.is_cancelled() && !is_cut_off
            }),
            levels: Box::new(move || match &rooms {
                Some(rooms) => Levels {
                    store_lag: rooms.store_lag(),
                    relayed: rooms.lines.relayed(),
                    ..levels(&rooms.servers())
                },
                None => Levels { rooms: 1, ..levels(std::slice::from_ref(&server)) },
            }),
            // Behind a name of a container network, only the operator's programs are there.
            allows_host: Box::new(move |host| !is_local || names.allows_host(host)),
        };
        let options = run.limits.clone().grace(stop_times::CONNECTIONS);
        let (service, closing) = (router(watched), run.frames.closing.clone());
        Ok(selvedge_port::http::serve(listener, service, closing, options).await?)
    }
}

fn levels(rooms: &[Server]) -> Levels {
    let mut levels = Levels { rooms: rooms.len(), ..Levels::default() };
    for client in rooms.iter().flat_map(|room| room.hub().clients()) {
        let waiting = client.outbox.waiting_bytes();
        levels.clients += 1;
        levels.waiting_bytes += waiting;
        levels.longest_queue_bytes = levels.longest_queue_bytes.max(waiting);
    }
    levels
}
