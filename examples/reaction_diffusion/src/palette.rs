//! Colours for concentrations.

/// 256 colours as red, green and blue.
pub(crate) type Colours = [u8; 768];

/// A named colour scale.
pub(crate) struct Palette {
    /// Name in the state.
    pub(crate) name: &'static str,
    /// Name shown to the user.
    pub(crate) title: &'static str,
    /// Equidistant colours, from zero to the highest concentration.
    stops: &'static [u32],
}

/// All palettes; the first one is the default.
pub(crate) const PALETTES: &[Palette] = &[
    Palette {
        name: "ink",
        title: "Ink",
        stops: &[0xf6f4ee, 0xb9d0d6, 0x4f8fa8, 0x1d4e74, 0x0b1f3a],
    },
    Palette {
        name: "ember",
        title: "Ember",
        stops: &[0x0c0a14, 0x4a1240, 0xb3323a, 0xf08a2c, 0xfff2c0],
    },
    Palette {
        name: "lichen",
        title: "Lichen",
        stops: &[0x10201c, 0x1f4d3f, 0x5c8f4e, 0xc0c75a, 0xf7f3c4],
    },
    Palette { name: "gray", title: "Gray", stops: &[0x000000, 0xffffff] },
];

/// Returns the palette of this name, or the default palette.
pub(crate) fn palette(name: &str) -> &'static Palette {
    PALETTES.iter().find(|palette| palette.name == name).unwrap_or(&PALETTES[0])
}

impl Palette {
    /// Interpolates the scale between the stops.
    pub(crate) fn colours(&self) -> Colours {
        let mut colours = [0; 768];
        for (position, colour) in colours.chunks_exact_mut(3).enumerate() {
            let place = position as f32 / 255.0 * (self.stops.len() - 1) as f32;
            let below = (place as usize).min(self.stops.len() - 2);
            let share = place - below as f32;
            for (channel, value) in colour.iter_mut().enumerate() {
                let shift = 16 - 8 * channel;
                let part = |stop: u32| (stop >> shift & 0xff) as f32;
                let (low, high) = (part(self.stops[below]), part(self.stops[below + 1]));
                *value = (low + (high - low) * share).round() as u8;
            }
        }
        colours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_begins_and_ends_with_its_stops() {
        let colours = palette("ember").colours();
        assert_eq!(colours[..3], [0x0c, 0x0a, 0x14]);
        assert_eq!(colours[765..], [0xff, 0xf2, 0xc0]);
    }

    #[test]
    fn an_unknown_palette_gives_the_default() {
        assert_eq!(palette("no such").name, PALETTES[0].name);
    }
}
