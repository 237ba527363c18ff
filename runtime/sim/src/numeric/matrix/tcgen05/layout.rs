//! *Data path layout organization*: which lanes and columns of tensor memory D has, and A where it
//! lies there.

use super::{LANES, PANEL};

/// Panels of lanes that a block has.
const PANELS: usize = LANES / PANEL;

/// Where the rows of a block lie in its tensor memory, by panels of [`PANEL`] lanes, relative to the
/// address.
///
/// | letter | M | | row of a lane | columns |
/// |---|---|---|---|---|
/// | A, D | 128 a block | | lane | all |
/// | F | 64 | `.cta_group::1` | 16 of every 32 lanes: lane / 32 · 16 + lane % 16 | all |
/// | C | 64 a block | `.cta_group::2`, sparse | the same | all |
/// | B | 64 a block | `.cta_group::2` | lane % 64 | of lanes from 64 up the upper half |
/// | E | 64 | `.ws` | lane % 64 | of lanes from 64 up the upper half |
/// | G | 32 | `.ws` | lane % 32 | of each 32 lanes a quarter |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A and D: every lane has a row of its own, and all columns.
    Whole,
    /// F and C: 16 of every 32 lanes.
    Scattered {
        /// Whether it is the upper 16.
        upper: bool,
    },
    /// B and E: as many columns lie beside each other as there are parts of lanes.
    Halves,
    /// G: the same with four parts.
    Quarters,
}

/// What a panel of lanes has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its rows, as the number of a panel of rows of the block.
    pub rows: usize,
    /// Its columns, as the number of a part.
    pub columns: usize,
}

impl Layout {
    /// The layout of `rows` rows of a block, which belongs to a pair or not; `lane` is that of the
    /// address. None where it does not begin there.
    pub fn new(
        rows: usize,
        (pair, stationary, sparse): (bool, bool, bool),
        lane: u32,
    ) -> Option<Self> {
        let layout = match (rows, stationary) {
            (128, _) => Self::Whole,
            (64, true) => Self::Halves,
            (64, false) if pair && !sparse => Self::Halves,
            (64, false) => Self::Scattered { upper: lane == 16 },
            (32, true) => Self::Quarters,
            _ => return None,
        };
        (lane == 0 || layout == Self::Scattered { upper: true }).then_some(layout)
    }

    /// How many parts the columns have.
    pub fn parts(self) -> usize {
        match self {
            Self::Whole | Self::Scattered { .. } => 1,
            Self::Halves => 2,
            Self::Quarters => 4,
        }
    }

    /// What each panel of lanes has, by its number.
    pub fn panels(self) -> impl Iterator<Item = (usize, Part)> {
        (0..PANELS).filter_map(move |panel| {
            let part = match self {
                Self::Whole => Part { rows: panel, columns: 0 },
                Self::Scattered { upper } => {
                    let within = panel % 4;
                    if (within >= 2) != upper {
                        return None;
                    }
                    Part { rows: panel / 4 * 2 + within % 2, columns: 0 }
                }
                Self::Halves => Part { rows: panel % 8, columns: panel / 8 },
                Self::Quarters => Part { rows: panel % 4, columns: panel / 4 },
            };
            Some((panel, part))
        })
    }

    /// The lanes that it has, a bit each.
    pub fn lanes(self) -> u128 {
        self.panels().fold(0, |lanes, (panel, _)| lanes | 0xff << (panel * PANEL))
    }

    /// The lanes that a row of the block has, of each part of the columns one.
    pub fn lanes_of_row(self, row: usize) -> u128 {
        let own = self.panels().filter(|(_, part)| part.rows == row / PANEL);
        own.fold(0, |lanes, (panel, _)| lanes | 1 << (panel * PANEL + row % PANEL))
    }

    /// The lanes that have a part of the columns.
    pub fn lanes_of_part(self, part: usize) -> u128 {
        let own = self.panels().filter(|(_, of_panel)| of_panel.columns == part);
        own.fold(0, |lanes, (panel, _)| lanes | 0xff << (panel * PANEL))
    }
}
