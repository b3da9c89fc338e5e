//! Tables of any number of rows: the rows stay in Rust, and a page gets those that it shows.

// - `rows`: a source of rows in memory; `registry`: the tables of a server, and the answers to
//   pages; here: what a source is, and the handle

pub(crate) mod registry;
mod rows;

use std::{fmt, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use rows::Rows;

use crate::{Ctx, Failure, app::Server, state::State};

/// The RPC methods by which pages read and write rows.
const READ: &str = "tables.read";
const WRITE: &str = "tables.write";

/// A column of a table.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Column {
    /// Its name, by which pages sort and write.
    pub name: String,
    /// What a user reads; by default its name.
    pub title: String,
    /// Whether its values are numbers, which are at the right.
    pub numeric: bool,
    /// Whether users can change its values.
    pub editable: bool,
    /// Whether users can sort by it.
    pub sortable: bool,
}

impl Column {
    /// Returns a column of texts that can be sorted.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Column { title: name.clone(), name, numeric: false, editable: false, sortable: true }
    }

    /// Sets what a user reads.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Column { title: title.into(), ..self }
    }

    /// Its values are numbers.
    #[must_use]
    pub fn numeric(self) -> Self {
        Column { numeric: true, ..self }
    }

    /// Users can change its values, see [`TableSource::write`].
    #[must_use]
    pub fn editable(self) -> Self {
        Column { editable: true, ..self }
    }

    /// Users cannot sort by it.
    #[must_use]
    pub fn unsortable(self) -> Self {
        Column { sortable: false, ..self }
    }
}

/// Which rows a page shows, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Query {
    /// The name of the column by which the rows are sorted, or an empty text.
    pub sort: String,
    /// Whether the greatest value comes first.
    pub descending: bool,
    /// What a user searches for, or an empty text.
    pub filter: String,
}

/// Where the rows of a table come from: a database, a file, a computation. [`Rows`] holds them in
/// memory.
///
/// The methods are called at the same time for several pages, and may block.
pub trait TableSource: Send + Sync + 'static {
    /// Returns the columns.
    fn columns(&self) -> Vec<Column>;

    /// Returns the number of rows that a query finds.
    ///
    /// # Errors
    /// The page shows why it has no rows.
    fn count(&self, query: &Query) -> Result<u64, Failure>;

    /// Returns these rows of those that a query finds, in its order: a value for each column. Rows
    /// that do not exist are left out.
    ///
    /// # Errors
    /// The page shows why it has no rows.
    fn read(&self, query: &Query, rows: Range<u64>) -> Result<Vec<Vec<Value>>, Failure>;

    /// Changes a value: `row` is its place among those that the query finds.
    ///
    /// # Errors
    /// The page shows why the value stays as it was. By default, no value can be changed.
    fn write(&self, query: &Query, row: u64, column: &str, value: Value) -> Result<(), Failure> {
        let _ = (query, row, value);
        Err(Failure::msg(format!("the column `{column}` cannot be changed")))
    }
}

/// A table of a server, see [`Server::table`].
#[derive(Clone)]
pub struct Table {
    state: State,
    key: String,
    source: Arc<dyn TableSource>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.key).finish()
    }
}

/// What the state says of a table.
#[derive(Serialize)]
struct Summary {
    columns: Vec<Column>,
    /// Another one means that there may be other rows.
    revision: u64,
}

impl Server {
    /// Adds a table for `<selvedge-table source="key">`. A page gets only the rows that it shows,
    /// however many there are.
    ///
    /// The key of the state holds the columns; pages cannot set it. A second call with the same key
    /// replaces the source.
    ///
    /// ```
    /// use selvedge::{Server, tables::{Column, Rows}};
    /// use serde_json::json;
    ///
    /// let server = Server::new("runs");
    /// let rows = Rows::new([Column::new("name").title("Name"), Column::new("seconds").numeric()]);
    /// rows.push([json!("first"), json!(12.5)]);
    /// let table = server.table("runs", rows.clone());
    /// rows.push([json!("second"), json!(3.25)]);
    /// table.changed();
    /// server.template("main", r#"<selvedge-table source="runs" label="Runs"></selvedge-table>"#);
    /// ```
    pub fn table(&self, key: impl Into<String>, source: impl TableSource) -> Table {
        let key = key.into();
        let name = self.state().name(&key).into_owned();
        let source: Arc<dyn TableSource> = Arc::new(source);
        let tables = self.inner.tables.clone();
        tables.insert(name, Arc::clone(&source));
        let (reading, writing) = (tables.clone(), tables);
        self.rpc_for_viewers(READ, move |_: Ctx, key: String, query: Query, from: u64, to: u64| {
            reading.read(&key, &query, from..to)
        });
        let write =
            move |_: Ctx, key: String, query: Query, row: u64, column: String, value: Value| {
                writing.write(&key, &query, row, &column, value)
            };
        self.rpc(WRITE, write);
        self.state().read_only(&[&key]).transient(&[&key]);
        let table = Table { state: self.state().clone(), key, source };
        table.changed();
        table
    }
}

impl Table {
    /// Tells open pages that there may be other rows: they read those again that they show.
    pub fn changed(&self) {
        let revision = registry::next_revision();
        let columns = self.source.columns();
        self.state.set(self.key.as_str(), Summary { columns, revision });
    }
}
