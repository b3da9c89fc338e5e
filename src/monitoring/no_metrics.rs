//! Stands in for the metrics in programs without the feature `monitoring`. Nothing is counted.

use std::time::Duration;

/// Has no values.
#[derive(Debug)]
pub(crate) enum Metrics {}

impl Metrics {
    pub(crate) fn received(&self, _: usize) {
        match *self {}
    }

    pub(crate) fn sent(&self, _: usize, _: usize) {
        match *self {}
    }

    pub(crate) fn called(&self, _: &'static str, _: &str, _: Duration, _: bool) {
        match *self {}
    }

    pub(crate) fn client_given_up(&self) {
        match *self {}
    }

    pub(crate) fn room_taken_over(&self, _: Duration) {
        match *self {}
    }

    pub(crate) fn room_fenced(&self) {
        match *self {}
    }

    pub(crate) fn store_answers(&self, _: bool) {
        match *self {}
    }

    pub(crate) fn room_begun(&self) {
        match *self {}
    }

    pub(crate) fn page_refused(&self, _: &'static str) {
        match *self {}
    }
}
