//! Plots of any number of points: the data stays in Rust, and a page gets the part that it shows,
//! reduced to its pixels.

// - `columns`: the data, and windows of it; `registry`: the plots of a server, and the answers to
//   pages; here: the handle

mod columns;
pub(crate) mod registry;

use std::{fmt, sync::Arc};

use columns::{Columns, Misfit};
use parking_lot::Mutex;
use serde::Serialize;

use crate::{Ctx, Error, Result, app::Server, state::State};

/// The RPC method by which pages get windows.
const METHOD: &str = "plots.window";

/// The data of a plot, see [`Server::plot`].
#[derive(Clone)]
pub struct Plot {
    state: State,
    key: String,
    series: Arc<[String]>,
    data: Arc<Mutex<Columns>>,
}

impl fmt::Debug for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plot").field(&self.key).finish()
    }
}

/// What the state says of a plot.
#[derive(Serialize)]
struct Summary<'a> {
    series: &'a [String],
    points: usize,
    /// The first and the last x.
    ends: Option<(f64, f64)>,
}

impl Server {
    /// Returns the data of a plot with these series, for `<selvedge-plot source="key">`.
    ///
    /// The data stays in Rust: a page gets the part that it shows, with the least and the greatest
    /// value of each pixel, so that no peak is lost, and another one as the user zooms and pans.
    /// What that costs does not depend on the number of points. The key of the state holds only
    /// their number and ends; pages cannot set it. A value that is NaN is a gap.
    ///
    /// A second call with the same key returns the same data, if the series are the same, and
    /// begins anew otherwise.
    ///
    /// Memory: 8 bytes for each x and about 8.5 for each value.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("scope");
    /// let signal = server.plot("signal", ["u", "v"]);
    /// signal.push(0.0, [1.5, -0.5])?;
    /// signal.extend(&[0.1, 0.2], [&[1.6, 1.7], &[-0.6, -0.7]])?;
    /// server.trigger("clear", move |_: Ctx| signal.clear());
    /// server.template("main", r#"<selvedge-plot source="signal" x-label="Time, s"></selvedge-plot>"#);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn plot<S: Into<String>>(
        &self,
        key: impl Into<String>,
        series: impl IntoIterator<Item = S>,
    ) -> Plot {
        let key = key.into();
        let series: Arc<[String]> = series.into_iter().map(Into::into).collect();
        let plots = self.inner.plots.clone();
        let name = self.state().name(&key).into_owned();
        let data = plots.data(&name, series.len());
        self.rpc_for_viewers(
            METHOD,
            move |_: Ctx, key: String, from: f64, to: f64, width: usize| {
                plots.window(&key, from, to, width)
            },
        );
        self.state().read_only(&[&key]).transient(&[&key]);
        let plot = Plot { state: self.state().clone(), key, series, data };
        plot.tell();
        plot
    }
}

impl Plot {
    /// Appends a point: its x, and a value for each series.
    ///
    /// # Errors
    /// [`Error::PlotData`] if x is not finite or less than the last one, or if there are more or
    /// fewer values than series.
    pub fn push<const N: usize>(&self, x: f64, values: [f64; N]) -> Result<()> {
        let columns: Vec<&[f64]> = values.iter().map(std::slice::from_ref).collect();
        self.append(&[x], &columns)
    }

    /// Appends points by columns: their x, and the values of each series. All are appended or, if
    /// one does not fit, none.
    ///
    /// # Errors
    /// [`Error::PlotData`], as for [`push`](Self::push), and if the columns differ in length.
    pub fn extend<'a>(
        &self,
        x: &[f64],
        columns: impl IntoIterator<Item = &'a (impl AsRef<[f64]> + ?Sized + 'a)>,
    ) -> Result<()> {
        let columns: Vec<&[f64]> = columns.into_iter().map(AsRef::as_ref).collect();
        self.append(x, &columns)
    }

    fn append(&self, x: &[f64], columns: &[&[f64]]) -> Result<()> {
        let refused =
            |misfit: Misfit| Error::PlotData { key: self.key.clone(), reason: misfit.to_string() };
        self.data.lock().extend(x, columns).map_err(refused)?;
        self.tell();
        Ok(())
    }

    /// Removes all points.
    pub fn clear(&self) {
        self.data.lock().clear();
        self.tell();
    }

    /// Returns the number of points.
    pub fn len(&self) -> usize {
        self.data.lock().len()
    }

    /// Returns whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells pages that there are other points.
    fn tell(&self) {
        let data = self.data.lock();
        let (points, ends) = (data.len(), data.ends());
        drop(data);
        self.state.set(self.key.as_str(), Summary { series: &self.series, points, ends });
    }
}
