//! What operators see of a running program: whether it is alive and ready, and metrics for
//! Prometheus, on an address of their own.

// - `metrics`: what is counted; `endpoint`: the address

#[cfg(feature = "monitoring")]
mod endpoint;
#[cfg(feature = "monitoring")]
mod metrics;
#[cfg(not(feature = "monitoring"))]
#[path = "no_metrics.rs"]
mod metrics;

#[cfg(feature = "monitoring")]
pub(crate) use endpoint::{Watched, router};
#[cfg(feature = "monitoring")]
pub(crate) use metrics::Levels;
pub(crate) use metrics::Metrics;
