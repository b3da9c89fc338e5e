//! Rows in memory.
//!
//! What must hold: an order is computed once for a query, and again when rows have changed.

use std::{cmp::Ordering, ops::Range, sync::Arc};

use parking_lot::Mutex;
use serde_json::Value;

use super::{Column, Query, TableSource};
use crate::Failure;

/// Orders that are kept: pages may show the same rows in several.
const ORDERS: usize = 4;

/// The rows of a table in memory. A cheap handle.
///
/// Filter: a row is found if each word of the filter is in one of its values, in upper or lower
/// case. Sorting: numbers by their value, texts by their characters without regard to case, and
/// missing values last; equal rows stay in their order.
#[derive(Clone, Debug)]
pub struct Rows {
    columns: Arc<[Column]>,
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    rows: Vec<Vec<Value>>,
    /// The places of the rows that a query finds, in its order; the newest query is last.
    orders: Vec<(Query, Arc<[usize]>)>,
}

impl Rows {
    /// Returns a table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Rows { columns: columns.into_iter().collect(), content: Arc::default() }
    }

    /// Appends a row: a value for each column. Missing values are nil; others are dropped.
    pub fn push(&self, row: impl IntoIterator<Item = Value>) {
        let mut row: Vec<_> = row.into_iter().collect();
        row.resize(self.columns.len(), Value::Null);
        let mut content = self.content.lock();
        content.rows.push(row);
        content.orders.clear();
    }

    /// Removes all rows.
    pub fn clear(&self) {
        *self.content.lock() = Content::default();
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.content.lock().rows.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a row by its place in the order in which the rows were appended.
    pub fn get(&self, place: usize) -> Option<Vec<Value>> {
        self.content.lock().rows.get(place).cloned()
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Returns the order of a query; `None` if it is that of the rows.
    fn order(&self, content: &mut Content, query: &Query) -> Option<Arc<[usize]>> {
        let column = self.column(&query.sort);
        if query.filter.trim().is_empty() && column.is_none() {
            return None;
        }
        if let Some((_, order)) = content.orders.iter().find(|(known, _)| known == query) {
            return Some(Arc::clone(order));
        }
        let filter = query.filter.to_lowercase();
        let words: Vec<_> = filter.split_whitespace().collect();
        let rows = &content.rows;
        let is_found = |row: &[Value]| {
            let texts: Vec<_> = row.iter().map(|value| text(value).to_lowercase()).collect();
            words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
        };
        let mut order: Vec<_> = match words.is_empty() {
            true => (0..rows.len()).collect(),
            false => (0..rows.len()).filter(|place| is_found(&rows[*place])).collect(),
        };
        if let Some(column) = column {
            order.sort_by(|one, other| {
                compared(&rows[*one][column], &rows[*other][column], query.descending)
            });
        }
        let order: Arc<[usize]> = order.into();
        if content.orders.len() == ORDERS {
            content.orders.remove(0);
        }
        content.orders.push((query.clone(), Arc::clone(&order)));
        Some(order)
    }
}

/// Returns a value as a user reads it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn compared(one: &Value, other: &Value, descending: bool) -> Ordering {
    let order = match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => return Ordering::Greater,
        (_, Value::Null) => return Ordering::Less,
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().unwrap_or(f64::NAN).total_cmp(&other.as_f64().unwrap_or(f64::NAN))
        }
        (one, other) => text(one).to_lowercase().cmp(&text(other).to_lowercase()),
    };
    if descending { order.reverse() } else { order }
}

impl TableSource for Rows {
    fn columns(&self) -> Vec<Column> {
        self.columns.to_vec()
    }

    fn count(&self, query: &Query) -> Result<u64, Failure> {
        let mut content = self.content.lock();
        let order = self.order(&mut content, query);
        Ok(order.map_or(content.rows.len(), |order| order.len()) as u64)
    }

    fn read(&self, query: &Query, rows: Range<u64>) -> Result<Vec<Vec<Value>>, Failure> {
        let mut content = self.content.lock();
        let order = self.order(&mut content, query);
        let row = |place: u64| {
            let place = usize::try_from(place).ok()?;
            let place = order.as_ref().map_or(Some(place), |order| order.get(place).copied())?;
            content.rows.get(place).cloned()
        };
        Ok(rows.map_while(row).collect())
    }

    fn write(&self, query: &Query, row: u64, column: &str, value: Value) -> Result<(), Failure> {
        let gone = || Failure::msg("this row does not exist any more");
        let column = self.column(column).ok_or_else(|| Failure::msg("there is no such column"))?;
        if self.columns[column].numeric && !(value.is_number() || value.is_null()) {
            return Err(Failure::msg("a number is needed"));
        }
        let mut content = self.content.lock();
        let order = self.order(&mut content, query);
        let place = usize::try_from(row).map_err(|_| gone())?;
        let place = order.map_or(Some(place), |order| order.get(place).copied());
        let place = place.filter(|place| *place < content.rows.len()).ok_or_else(gone)?;
        content.rows[place][column] = value;
        content.orders.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn runs() -> Rows {
        let rows =
            Rows::new([Column::new("name").editable(), Column::new("n").numeric().editable()]);
        for (name, n) in [
            ("beta", json!(10)),
            ("Alpha", json!(9.5)),
            ("gamma", json!(null)),
            ("alpha two", json!(2)),
        ] {
            rows.push([json!(name), n]);
        }
        rows
    }

    fn names(rows: &Rows, query: &Query) -> Vec<String> {
        let found = rows.read(query, 0..99).unwrap();
        assert_eq!(rows.count(query).unwrap(), found.len() as u64);
        found.iter().map(|row| text(&row[0])).collect()
    }

    fn query(sort: &str, descending: bool, filter: &str) -> Query {
        Query { sort: sort.to_owned(), descending, filter: filter.to_owned() }
    }

    #[test]
    fn rows_are_sorted_and_filtered() {
        let rows = runs();
        for (sort, descending, filter, expected) in [
            ("", false, "", ["beta", "Alpha", "gamma", "alpha two"].as_slice()),
            ("name", false, "", &["Alpha", "alpha two", "beta", "gamma"]),
            ("n", false, "", &["alpha two", "Alpha", "beta", "gamma"]),
            ("n", true, "", &["beta", "Alpha", "alpha two", "gamma"]),
            ("unknown", false, "ALPHA", &["Alpha", "alpha two"]),
            ("name", true, "alpha 2", &["alpha two"]),
            ("", false, "delta", &[]),
        ] {
            assert_eq!(names(&rows, &query(sort, descending, filter)), expected, "{sort} {filter}");
        }
    }

    #[test]
    fn what_is_read_is_within_the_rows() {
        let rows = runs();
        let read = |range| rows.read(&Query::default(), range).unwrap().len();
        assert_eq!(
            (read(1..3), read(3..9), read(9..12), read(u64::MAX - 1..u64::MAX)),
            (2, 1, 0, 0)
        );
        rows.push([json!("short")]);
        assert_eq!(rows.get(4).unwrap(), [json!("short"), json!(null)]);
        rows.clear();
        assert!(rows.is_empty());
    }

    #[test]
    fn a_value_is_written_where_the_user_sees_it() {
        let rows = runs();
        let by_name = query("name", false, "");
        rows.write(&by_name, 0, "n", json!(1)).unwrap();
        assert_eq!(rows.get(1).unwrap(), [json!("Alpha"), json!(1)]);
        rows.write(&by_name, 0, "name", json!("zeta")).unwrap();
        assert_eq!(names(&rows, &by_name), ["alpha two", "beta", "gamma", "zeta"]);
        for (row, column, value, reason) in [
            (99, "n", json!(1), "does not exist"),
            (0, "n", json!("one"), "a number is needed"),
            (0, "m", json!(1), "no such column"),
        ] {
            let failure = rows.write(&by_name, row, column, value).unwrap_err();
            assert!(failure.to_string().contains(reason), "{failure}");
        }
    }
}
