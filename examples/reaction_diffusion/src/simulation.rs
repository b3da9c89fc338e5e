//! The Gray-Scott model on a torus: two substances diffuse, and one turns into the other.
//!
//! Uses explicit Euler steps of length 1 on a square grid of spacing 1, with the five-point
//! Laplacian. Stable for diffusion up to 1/4.

use rayon::prelude::*;
use selvedge::Model;

/// Number of rows that one task computes at a time.
const BAND: usize = 16;

/// Concentration of V above which a cell counts as covered.
const COVERED: f32 = 0.2;

/// The parameters that the user can set. Rates are per step, diffusion is in cells² per step.
#[derive(Clone, Copy, Debug, Model, PartialEq)]
pub(crate) struct Parameters {
    /// Feed rate of U.
    #[model(default = Parameters::default().feed)]
    pub(crate) feed: f64,
    /// Removal rate of V, in addition to the feed rate.
    #[model(default = Parameters::default().kill)]
    pub(crate) kill: f64,
    /// Diffusion of U.
    #[model(default = Parameters::default().diffusion_u)]
    pub(crate) diffusion_u: f64,
    /// Diffusion of V.
    #[model(default = Parameters::default().diffusion_v)]
    pub(crate) diffusion_v: f64,
}

impl Default for Parameters {
    /// A pattern that looks like a coral.
    fn default() -> Self {
        Parameters { feed: 0.0545, kill: 0.062, diffusion_u: 0.16, diffusion_v: 0.08 }
    }
}

impl Parameters {
    /// Clamps the parameters to the ranges in which the model is stable and interesting. NaN
    /// becomes the lower limit.
    pub(crate) fn clamped(self) -> Self {
        let clamp = |value: f64, low: f64, high: f64| value.max(low).min(high);
        Parameters {
            feed: clamp(self.feed, 0.0, 0.1),
            kill: clamp(self.kill, 0.03, 0.075),
            diffusion_u: clamp(self.diffusion_u, 0.05, 0.25),
            diffusion_v: clamp(self.diffusion_v, 0.02, 0.12),
        }
    }
}

/// The concentrations of U and V in every cell.
pub(crate) struct Field {
    size: usize,
    u: Vec<f32>,
    v: Vec<f32>,
    next_u: Vec<f32>,
    next_v: Vec<f32>,
}

impl Field {
    /// Creates a field of `size` × `size` cells with a few spots of V at places that depend on
    /// `seed`.
    pub(crate) fn new(size: usize, seed: u64) -> Self {
        let cells = size * size;
        let mut field = Field {
            size,
            u: vec![1.0; cells],
            v: vec![0.0; cells],
            next_u: vec![1.0; cells],
            next_v: vec![0.0; cells],
        };
        let mut random = seed | 1;
        for _ in 0..size / 16 {
            // Any generator that spreads the spots will do: this is xorshift64.
            let mut place = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random >> 40) as f32 / (1 << 24) as f32
            };
            field.paint(place(), place(), size / 64 + 2, false);
        }
        field
    }

    /// Number of cells along each side.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Computes one time step, on all cores.
    pub(crate) fn step(&mut self, parameters: &Parameters) {
        let (size, u, v) = (self.size, &self.u, &self.v);
        let bands =
            self.next_u.par_chunks_mut(size * BAND).zip(self.next_v.par_chunks_mut(size * BAND));
        bands.enumerate().for_each(|(band, (next_u, next_v))| {
            let rows = next_u.chunks_exact_mut(size).zip(next_v.chunks_exact_mut(size));
            for (offset, (next_u, next_v)) in rows.enumerate() {
                let y = band * BAND + offset;
                step_row(
                    &Rows::around(u, size, y),
                    &Rows::around(v, size, y),
                    next_u,
                    next_v,
                    parameters,
                );
            }
        });
        std::mem::swap(&mut self.u, &mut self.next_u);
        std::mem::swap(&mut self.v, &mut self.next_v);
    }

    /// Returns the largest change of V in the last step.
    pub(crate) fn change(&self) -> f32 {
        let pairs = self.v.par_iter().zip(&self.next_v);
        pairs.map(|(now, before)| (now - before).abs()).reduce(|| 0.0, f32::max)
    }

    /// Adds V to a disc around (x, y), or removes it. Coordinates range from 0 to 1.
    pub(crate) fn paint(&mut self, x: f32, y: f32, radius: usize, erase: bool) {
        let (size, radius) = (self.size as isize, radius as isize);
        let centre = |share: f32| (share.clamp(0.0, 1.0) * size as f32) as isize;
        let (x, y) = (centre(x), centre(y));
        for (dx, dy) in (-radius..=radius).flat_map(|dy| (-radius..=radius).map(move |dx| (dx, dy)))
        {
            if dx * dx + dy * dy <= radius * radius {
                let cell = (y + dy).rem_euclid(size) * size + (x + dx).rem_euclid(size);
                (self.u[cell as usize], self.v[cell as usize]) =
                    if erase { (1.0, 0.0) } else { (0.5, 0.5) };
            }
        }
    }

    /// Returns the fraction of cells that V covers.
    pub(crate) fn coverage(&self) -> f32 {
        let covered = self.v.par_iter().filter(|v| **v > COVERED).count();
        covered as f32 / self.v.len() as f32
    }

    /// Returns the concentration of V as a number from 0 to 255 for every cell, row by row.
    pub(crate) fn pixels(&self) -> Vec<u8> {
        self.v.par_iter().map(|v| (v * 600.0) as u8).collect()
    }
}

/// A row and its neighbouring rows.
struct Rows<'a> {
    above: &'a [f32],
    here: &'a [f32],
    below: &'a [f32],
}

impl<'a> Rows<'a> {
    fn around(cells: &'a [f32], size: usize, y: usize) -> Self {
        let row = |y: usize| &cells[y * size..][..size];
        Rows { above: row((y + size - 1) % size), here: row(y), below: row((y + 1) % size) }
    }

    #[inline(always)]
    fn laplacian(&self, left: usize, x: usize, right: usize) -> f32 {
        self.here[left] + self.here[right] + self.above[x] + self.below[x] - 4.0 * self.here[x]
    }
}

fn step_row(u: &Rows, v: &Rows, next_u: &mut [f32], next_v: &mut [f32], parameters: &Parameters) {
    let (feed, kill) = (parameters.feed as f32, parameters.kill as f32);
    let (diffusion_u, diffusion_v) = (parameters.diffusion_u as f32, parameters.diffusion_v as f32);
    let last = next_u.len() - 1;
    let mut cell = |left: usize, x: usize, right: usize| {
        let reaction = u.here[x] * v.here[x] * v.here[x];
        next_u[x] = u.here[x] + diffusion_u * u.laplacian(left, x, right) - reaction
            + feed * (1.0 - u.here[x]);
        next_v[x] = v.here[x] + diffusion_v * v.laplacian(left, x, right) + reaction
            - (feed + kill) * v.here[x];
    };
    cell(last, 0, 1);
    for x in 1..last {
        cell(x - 1, x, x + 1);
    }
    cell(last - 1, last, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diffusion_alone_keeps_the_amount() {
        let mut field = Field::new(64, 7);
        field.u.fill(0.0);
        let amount = |field: &Field| field.v.iter().map(|v| f64::from(*v)).sum::<f64>();
        let before = amount(&field);
        let still = Parameters { feed: 0.0, kill: 0.0, ..Parameters::default() };
        (0..100).for_each(|_| field.step(&still));
        assert!((amount(&field) - before).abs() < 1e-3 * before, "{before} {}", amount(&field));
    }

    #[test]
    fn a_field_without_reagent_does_not_change() {
        let mut field = Field::new(64, 7);
        field.v.fill(0.0);
        field.u.fill(1.0);
        field.step(&Parameters::default());
        assert_eq!(field.change(), 0.0);
        assert_eq!(field.coverage(), 0.0);
    }

    #[test]
    fn a_pattern_grows_from_the_spots_and_stays_within_bounds() {
        let mut field = Field::new(128, 7);
        let before = field.coverage();
        (0..3000).for_each(|_| field.step(&Parameters::default()));
        assert!(field.coverage() > before.max(0.05), "{before} {}", field.coverage());
        assert!(field.u.iter().chain(&field.v).all(|value| (0.0..=1.2).contains(value)));
    }

    #[test]
    fn the_field_is_a_torus() {
        let mut corner = Field::new(64, 1);
        let mut centre = Field::new(64, 1);
        for (field, place) in [(&mut corner, 0.0), (&mut centre, 0.5)] {
            field.u.fill(1.0);
            field.v.fill(0.0);
            field.paint(place, place, 6, false);
            (0..50).for_each(|_| field.step(&Parameters::default()));
        }
        assert_eq!(corner.coverage(), centre.coverage());
        assert_eq!(corner.v[0], centre.v[32 * 64 + 32]);
    }

    #[test]
    fn erasing_undoes_painting() {
        let mut field = Field::new(64, 1);
        field.v.fill(0.0);
        field.paint(0.99, 0.01, 5, false);
        assert!(field.coverage() > 0.0);
        field.paint(0.99, 0.01, 5, true);
        assert_eq!(field.coverage(), 0.0);
    }

    #[test]
    fn values_out_of_range_are_clamped() {
        let rubbish =
            Parameters { feed: f64::NAN, kill: 9.0, diffusion_u: -1.0, diffusion_v: f64::INFINITY };
        let expected = Parameters { feed: 0.0, kill: 0.075, diffusion_u: 0.05, diffusion_v: 0.12 };
        assert_eq!(rubbish.clamped(), expected);
    }
}
