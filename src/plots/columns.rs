//! The data of a plot in columns, with the extremes of blocks, so that a window of any width is
//! reduced to about as many points as it has pixels.
//!
//! What must hold: x never decreases; a reduced window contains the least and the greatest value of
//! each of its parts, so that no peak is lost; its cost does not depend on the number of points.

/// Number of values in a block, and of blocks in a block of the next level.
const BLOCK: usize = 64;

/// The places of the least and the greatest value of a block; `None` if it has no numbers.
type Extremes = Option<(usize, usize)>;

#[derive(Default)]
pub(super) struct Columns {
    x: Vec<f64>,
    columns: Vec<Column>,
}

#[derive(Default)]
struct Column {
    values: Vec<f64>,
    /// The extremes of blocks of [`BLOCK`] values, of as many blocks, and so on.
    levels: Vec<Vec<Extremes>>,
}

/// A part of the data as it is drawn.
#[derive(Debug, PartialEq)]
pub(super) struct Window {
    pub(super) x: Vec<f64>,
    pub(super) columns: Vec<Vec<f64>>,
    /// Whether points were left out.
    pub(super) is_reduced: bool,
}

/// Why values cannot be appended.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum Misfit {
    #[error("x has to increase, and {x} comes after {last}")]
    Order { x: f64, last: f64 },
    #[error("x has to be a finite number, not {0}")]
    Place(f64),
    #[error("a point of this plot has {expected} values, not {found}")]
    Width { expected: usize, found: usize },
    #[error("the columns have {expected} and {found} values")]
    Length { expected: usize, found: usize },
}

impl Columns {
    pub(super) fn new(count: usize) -> Self {
        let columns = (0..count).map(|_| Column::default()).collect();
        Columns { x: Vec::new(), columns }
    }

    /// The number of series.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn len(&self) -> usize {
        self.x.len()
    }

    /// The first and the last x.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        Some((*self.x.first()?, *self.x.last()?))
    }

    /// Appends points by columns: all of them or, if one does not fit, none.
    pub(super) fn extend(&mut self, x: &[f64], columns: &[&[f64]]) -> Result<(), Misfit> {
        let expected = self.columns.len();
        if columns.len() != expected {
            return Err(Misfit::Width { expected, found: columns.len() });
        }
        if let Some(column) = columns.iter().find(|column| column.len() != x.len()) {
            return Err(Misfit::Length { expected: x.len(), found: column.len() });
        }
        let mut last = self.x.last().copied().unwrap_or(f64::NEG_INFINITY);
        for &x in x {
            match x {
                x if !x.is_finite() => return Err(Misfit::Place(x)),
                x if x < last => return Err(Misfit::Order { x, last }),
                _ => last = x,
            }
        }
        self.x.extend_from_slice(x);
        for (column, values) in self.columns.iter_mut().zip(columns) {
            column.extend(values);
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        *self = Columns::new(self.columns.len());
    }

    /// Returns the points from `from` to `to` and one beyond each end, so that lines reach the
    /// edges. If they are more than two for each of `width` parts, each part gives two points with
    /// its extremes.
    pub(super) fn window(&self, from: f64, to: f64, width: usize) -> Window {
        let first = self.x.partition_point(|&x| x < from).saturating_sub(1);
        let end = (self.x.partition_point(|&x| x <= to) + 1).min(self.x.len()).max(first);
        if end - first <= 2 * width.max(1) {
            let columns = self.columns.iter().map(|column| column.values[first..end].to_vec());
            return Window {
                x: self.x[first..end].to_vec(),
                columns: columns.collect(),
                is_reduced: false,
            };
        }
        self.reduced(first, end, width.max(1))
    }

    fn reduced(&self, first: usize, end: usize, width: usize) -> Window {
        let mut window = Window {
            x: Vec::with_capacity(2 * width),
            columns: self.columns.iter().map(|_| Vec::with_capacity(2 * width)).collect(),
            is_reduced: true,
        };
        let (low, high) = (self.x[first], self.x[end - 1]);
        let mut begin = first;
        for part in 1..=width {
            let limit = low + (high - low) * part as f64 / width as f64;
            let stop = match part == width {
                true => end,
                false => begin + self.x[begin..end].partition_point(|&x| x < limit),
            };
            if begin < stop {
                self.part(begin, stop, &mut window);
            }
            begin = stop;
        }
        window
    }

    /// Appends the points of one part: its extremes in their order.
    fn part(&self, begin: usize, stop: usize, window: &mut Window) {
        let is_single = stop - begin == 1;
        window.x.push(self.x[begin]);
        if !is_single {
            window.x.push(self.x[stop - 1]);
        }
        for (column, reduced) in self.columns.iter().zip(&mut window.columns) {
            if is_single {
                reduced.push(column.values[begin]);
                continue;
            }
            let extremes = column.extremes(begin, stop);
            let value = |place: usize| column.values[place];
            let (one, other) = extremes.map_or((f64::NAN, f64::NAN), |(least, greatest)| {
                (value(least.min(greatest)), value(least.max(greatest)))
            });
            reduced.extend([one, other]);
        }
    }
}

impl Column {
    fn extend(&mut self, values: &[f64]) {
        for &value in values {
            let place = self.values.len();
            self.values.push(value);
            let own = (!value.is_nan()).then_some((place, place));
            self.note(place, own);
        }
    }

    /// Adds a new value to the blocks around it.
    fn note(&mut self, place: usize, own: Extremes) {
        let mut size = BLOCK;
        let mut level = 0;
        // A level exists as soon as its first block is complete, the others follow.
        while place / size > 0 || place % size == size - 1 || self.levels.len() > level {
            if self.levels.len() == level {
                self.begin_level(level, size);
            } else {
                let block = place / size;
                let known = self.levels[level].get(block).copied();
                let merged = self.merged(known.flatten(), own);
                match known {
                    Some(_) => self.levels[level][block] = merged,
                    None => self.levels[level].push(merged),
                }
            }
            size *= BLOCK;
            level += 1;
        }
    }

    /// Makes the first block of a level, which is complete.
    fn begin_level(&mut self, level: usize, size: usize) {
        let first = self.fold(0, size.min(self.values.len()), level);
        self.levels.push(vec![first]);
    }

    /// Returns the extremes of values, read from levels below `level`.
    fn fold(&self, begin: usize, stop: usize, level: usize) -> Extremes {
        match level.checked_sub(1) {
            Some(below) => {
                self.levels[below].iter().fold(None, |so_far, block| self.merged(so_far, *block))
            }
            None => (begin..stop).fold(None, |so_far, place| self.with(so_far, place)),
        }
    }

    fn with(&self, so_far: Extremes, place: usize) -> Extremes {
        match self.values[place].is_nan() {
            true => so_far,
            false => self.merged(so_far, Some((place, place))),
        }
    }

    fn merged(&self, one: Extremes, other: Extremes) -> Extremes {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        let least = if self.values[other.0] < self.values[one.0] { other.0 } else { one.0 };
        let greatest = if self.values[other.1] > self.values[one.1] { other.1 } else { one.1 };
        Some((least, greatest))
    }

    /// Returns the extremes from `begin` to before `stop`: whole blocks of the highest level that
    /// fits, and the rest on both sides.
    fn extremes(&self, begin: usize, stop: usize) -> Extremes {
        let mut found = None;
        let mut place = begin;
        while place < stop {
            // The largest block that begins here and ends before `stop`.
            let (mut size, mut level) = (1, 0);
            while place.is_multiple_of(size * BLOCK)
                && place + size * BLOCK <= stop
                && level < self.levels.len()
            {
                size *= BLOCK;
                level += 1;
            }
            found = match level.checked_sub(1) {
                Some(level) => self.merged(found, self.levels[level][place / size]),
                None => self.with(found, place),
            };
            place += size;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, always the same.
    fn noise(count: usize) -> Vec<f64> {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f64 - 8e6
        };
        (0..count).map(|_| next()).collect()
    }

    fn columns(values: &[f64]) -> Columns {
        let mut columns = Columns::new(1);
        let x: Vec<_> = (0..values.len()).map(|at| at as f64).collect();
        columns.extend(&x, &[values]).unwrap();
        columns
    }

    #[test]
    fn extremes_are_those_of_all_values_between() {
        let mut values = noise(20_000);
        values[777] = f64::NAN;
        let all = columns(&values);
        for (begin, stop) in
            [(0, 20_000), (0, 1), (63, 65), (64, 128), (1, 19_999), (4095, 8193), (776, 779)]
        {
            let numbers = values[begin..stop].iter().copied().filter(|value| !value.is_nan());
            let least = numbers.clone().fold(f64::INFINITY, f64::min);
            let greatest = numbers.fold(f64::NEG_INFINITY, f64::max);
            let found = all.columns[0].extremes(begin, stop).unwrap();
            assert_eq!((values[found.0], values[found.1]), (least, greatest), "{begin}..{stop}");
        }
        assert_eq!(all.columns[0].extremes(777, 778), None);
    }

    #[test]
    fn few_points_are_all_there_with_one_beyond_each_end() {
        let all = columns(&[5.0, 6.0, 7.0, 8.0, 9.0]);
        let window = all.window(1.5, 2.5, 100);
        assert_eq!((window.x, window.is_reduced), (vec![1.0, 2.0, 3.0], false));
        assert_eq!(window.columns, [[6.0, 7.0, 8.0]]);
        assert_eq!(all.window(-9.0, 99.0, 100).x.len(), 5);
        assert_eq!(all.window(50.0, 60.0, 100).x, [4.0]);
        assert_eq!(all.window(-9.0, -8.0, 100).x, [0.0]);
        assert!(Columns::new(1).window(0.0, 1.0, 100).x.is_empty());
    }

    #[test]
    fn a_reduced_window_keeps_every_peak() {
        let mut values = vec![0.0; 1_000_000];
        for peak in [3, 333_333, 999_998] {
            values[peak] = 9.0;
            values[peak + 1] = -9.0;
        }
        let window = columns(&values).window(0.0, 1e6, 500);
        assert!(window.is_reduced && window.x.len() <= 1000, "{}", window.x.len());
        let count = |value| window.columns[0].iter().filter(|other| **other == value).count();
        assert_eq!((count(9.0), count(-9.0)), (3, 3));
        // The peak comes before the dip, as in the data.
        assert!(
            window.columns[0].iter().position(|v| *v == 9.0)
                < window.columns[0].iter().position(|v| *v == -9.0)
        );
        assert!(window.x.is_sorted());
    }

    #[test]
    fn parts_without_points_or_numbers_stay_empty() {
        let mut gap = Columns::new(1);
        let x: Vec<_> =
            (0..1000).map(|at| if at < 500 { at as f64 } else { at as f64 + 1e6 }).collect();
        let y: Vec<_> = (0..1000).map(|at| if at < 250 { f64::NAN } else { 1.0 }).collect();
        gap.extend(&x, &[&y]).unwrap();
        let window = gap.window(f64::MIN, f64::MAX, 10);
        assert_eq!(window.x, [0.0, 499.0, 1_000_500.0, 1_000_999.0]);
        assert_eq!(window.columns[0], [1.0; 4]);
        let nothing = gap.window(0.0, 200.0, 10);
        assert!(nothing.is_reduced && nothing.columns[0].iter().all(|value| value.is_nan()));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut all = columns(&[1.0, 2.0]);
        for (x, columns, misfit) in [
            (&[0.5][..], &[&[1.0][..]][..], Misfit::Order { x: 0.5, last: 1.0 }),
            (&[f64::NAN], &[&[1.0]], Misfit::Place(f64::NAN)),
            (&[2.0], &[&[1.0], &[1.0]], Misfit::Width { expected: 1, found: 2 }),
            (&[2.0, 3.0], &[&[1.0]], Misfit::Length { expected: 2, found: 1 }),
        ] {
            let refused = all.extend(x, columns).unwrap_err();
            assert_eq!(refused.to_string(), misfit.to_string());
        }
        assert_eq!(all.len(), 2);
        all.extend(&[1.0], &[&[3.0]]).unwrap();
        assert_eq!(all.ends(), Some((0.0, 1.0)));
        all.clear();
        assert_eq!((all.len(), all.ends()), (0, None));
    }
}
