//! What the blocks of a launch have to do.

use tilewright_codegen::attention::Problem;

/// The steps of one query tile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Key tiles that every row of the query tile sees as a whole.
    pub(super) whole: u32,
    /// Key tiles of which some row sees a part only.
    pub(super) masked: u32,
}

/// The steps of the query tile that begins at row `first`: a tile of `tile_m` rows against key
/// tiles of `tile_n` rows, those that no row sees left out.
pub(super) fn steps(problem: &Problem, first: u32, tile_m: u32, tile_n: u32) -> Steps {
    let Problem { seqlen_q, seqlen_kv, mask, .. } = *problem;
    let last = first.saturating_add(tile_m).min(seqlen_q) - 1;
    // Masks only move to the right from row to row, so the first and the last row tell all.
    let (upper, lower) =
        (mask.visible(first, seqlen_q, seqlen_kv), mask.visible(last, seqlen_q, seqlen_kv));
    if lower.is_empty() && upper.is_empty() {
        return Steps::default();
    }
    let start = if upper.is_empty() { 0 } else { upper.start };
    let all = lower.end.max(upper.end).div_ceil(tile_n) - start / tile_n;
    let whole = (upper.end / tile_n).saturating_sub(lower.start.div_ceil(tile_n));
    Steps { whole: whole.min(all), masked: all - whole.min(all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tilewright_codegen::attention::{DataType, Mask};

    /// Checks against the definition: a key tile is a step where any row of the query tile sees
    /// any of its keys, and whole where every row sees every one.
    fn check(mask: Mask, seqlen_q: u32, seqlen_kv: u32, tile_m: u32, tile_n: u32) {
        let problem = Problem {
            dtype: DataType::F16,
            head_dim: 64,
            head_dim_v: 64,
            batch: 1,
            heads: 1,
            kv_heads: 1,
            seqlen_q,
            seqlen_kv,
            mask,
        };
        for first in (0..seqlen_q).step_by(tile_m as usize) {
            let mut expected = Steps::default();
            for key in (0..seqlen_kv).step_by(tile_n as usize) {
                let keys = key..key + tile_n;
                let rows = first..(first + tile_m).min(seqlen_q);
                let visible = |row| mask.visible(row, seqlen_q, seqlen_kv);
                let seen =
                    rows.clone().any(|row| keys.clone().any(|key| visible(row).contains(&key)));
                let whole =
                    rows.clone().all(|row| keys.clone().all(|key| visible(row).contains(&key)));
                expected.whole += u32::from(whole);
                expected.masked += u32::from(seen && !whole);
            }
            assert_eq!(
                steps(&problem, first, tile_m, tile_n),
                expected,
                "{mask} {seqlen_q}×{seqlen_kv}, tile {tile_m}×{tile_n} at {first}"
            );
        }
    }

    #[test]
    fn steps_are_what_the_mask_leaves() {
        let masks = [
            Mask::Full,
            Mask::Causal,
            Mask::Window { left: 5, right: 3 },
            Mask::Window { left: 0, right: 0 },
            Mask::Window { left: 40, right: 9 },
        ];
        for mask in masks {
            for (seqlen_q, seqlen_kv) in [(64, 64), (37, 53), (53, 37), (1, 100), (100, 1)] {
                for (tile_m, tile_n) in [(16, 16), (32, 16), (16, 48)] {
                    check(mask, seqlen_q, seqlen_kv, tile_m, tile_n);
                }
            }
        }
    }
}
