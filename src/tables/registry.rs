//! The tables of a server, and what pages get of them.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

use super::{Query, TableSource};
use crate::Failure;

/// Most rows in an answer, whatever a page asks for.
const MOST_ROWS: u64 = 10_000;

/// The tables of a server by the full names of their keys.
#[derive(Clone, Default)]
pub(crate) struct Tables(Arc<Mutex<HashMap<String, Arc<dyn TableSource>>>>);

/// The answer to a page.
#[derive(Serialize)]
pub(super) struct Answer {
    /// Number of rows that the query finds.
    count: u64,
    rows: Vec<Vec<Value>>,
}

/// Returns a number that no other table state has had.
pub(super) fn next_revision() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Tables {
    pub(super) fn insert(&self, name: String, source: Arc<dyn TableSource>) {
        self.0.lock().insert(name, source);
    }

    fn source(&self, name: &str) -> Result<Arc<dyn TableSource>, Failure> {
        // The lock is not held while the application's code runs.
        let source = self.0.lock().get(name).cloned();
        source.ok_or_else(|| Failure::msg(format!("there is no table `{name}`")))
    }

    pub(super) fn read(
        &self,
        name: &str,
        query: &Query,
        rows: Range<u64>,
    ) -> Result<Answer, Failure> {
        let source = self.source(name)?;
        let count = source.count(query)?;
        let end = rows.end.min(count).min(rows.start.saturating_add(MOST_ROWS));
        let rows = match rows.start < end {
            true => source.read(query, rows.start..end)?,
            false => Vec::new(),
        };
        Ok(Answer { count, rows })
    }

    pub(super) fn write(
        &self,
        name: &str,
        query: &Query,
        row: u64,
        column: &str,
        value: Value,
    ) -> Result<(), Failure> {
        let source = self.source(name)?;
        let columns = source.columns();
        if !columns.iter().any(|known| known.name == column && known.editable) {
            return Err(Failure::msg(format!("the column `{column}` cannot be changed")));
        }
        source.write(query, row, column, value)
    }
}
