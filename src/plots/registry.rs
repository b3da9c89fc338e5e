//! The plots of a server, and what pages get of them.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;

use super::columns::{Columns, Window};
use crate::{Failure, values::Attachment};

/// Most parts into which a window is divided, whatever a page asks for.
const MOST_PARTS: usize = 16_384;

/// The plots of a server by the full names of their keys.
#[derive(Clone, Default)]
pub(crate) struct Plots(Arc<Mutex<HashMap<String, Arc<Mutex<Columns>>>>>);

/// The answer to a page.
#[derive(Serialize)]
pub(super) struct Answer {
    /// Numbers of 64 bits, the lowest byte first.
    x: Attachment,
    columns: Vec<Attachment>,
    reduced: bool,
}

impl Plots {
    pub(super) fn data(&self, name: &str, count: usize) -> Arc<Mutex<Columns>> {
        let mut plots = self.0.lock();
        let known = plots.get(name).filter(|data| data.lock().width() == count);
        if let Some(data) = known {
            return Arc::clone(data);
        }
        let data = Arc::new(Mutex::new(Columns::new(count)));
        plots.insert(name.to_owned(), Arc::clone(&data));
        data
    }

    pub(super) fn window(
        &self,
        name: &str,
        from: f64,
        to: f64,
        width: usize,
    ) -> Result<Answer, Failure> {
        let data = self.0.lock().get(name).cloned();
        let data = data.ok_or_else(|| Failure::msg(format!("there is no plot `{name}`")))?;
        let window = data.lock().window(from, to, width.min(MOST_PARTS));
        let Window { x, columns, is_reduced } = window;
        let columns = columns.iter().map(|column| bytes(column)).collect();
        Ok(Answer { x: bytes(&x), columns, reduced: is_reduced })
    }
}

fn bytes(numbers: &[f64]) -> Attachment {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>().into()
}
