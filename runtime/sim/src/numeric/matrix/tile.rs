//! Products of small dense tiles, which every matrix instruction is made of.

/// `R` rows of `C` numbers.
pub type Tile<const R: usize, const C: usize> = [[f32; C]; R];

/// Adds to `sum` (M × N) the product of `a` (M × K) and `b` (K × N).
///
/// Each element grows in f32 by one product after the other, in the order of k. Products of two
/// 16- or 8-bit numbers are exact; PTX leaves order and rounding of the sums open.
#[inline(always)]
pub fn multiply_accumulate<const M: usize, const N: usize, const K: usize>(
    sum: &mut Tile<M, N>,
    a: &Tile<M, K>,
    b: &Tile<K, N>,
) {
    const { assert!(M.is_multiple_of(ROWS)) };
    for (sum, a) in sum.as_chunks_mut::<ROWS>().0.iter_mut().zip(a.as_chunks::<ROWS>().0) {
        // By value, so that the sums stay in registers.
        let mut rows = *sum;
        for (k, b) in b.iter().enumerate() {
            for (row, a) in rows.iter_mut().zip(a) {
                for (sum, &b) in row.iter_mut().zip(b) {
                    *sum += a[k] * b;
                }
            }
        }
        *sum = rows;
    }
}

/// Rows computed together, which hides the latency of additions.
const ROWS: usize = 2;
