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
    for (sum, a) in sum.iter_mut().zip(a) {
        // A copy stays in registers.
        let mut row = *sum;
        for (&a, b) in a.iter().zip(b) {
            for (sum, &b) in row.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
        *sum = row;
    }
}

/// Rows and columns exchanged.
#[inline(always)]
pub(super) fn transposed<const R: usize, const C: usize>(tile: &Tile<R, C>) -> Tile<C, R> {
    std::array::from_fn(|c| std::array::from_fn(|r| tile[r][c]))
}
