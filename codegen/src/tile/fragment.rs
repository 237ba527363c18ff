use crate::attention::DataType;
use crate::dsl::{Builder, FragmentA, FragmentB, FragmentC, Value, Variable};

/// An accumulator of a warp: `16 · row_steps` rows by `8 · column_steps` columns in f32, held in
/// `mma.m16n8k16` fragments, which loops may carry.
///
/// A thread holds two rows of each row step: element 0 and 1 of a fragment belong to row
/// lane / 4, elements 2 and 3 to the row eight below. "Row r of a thread" counts those, from 0 to
/// `2 · row_steps − 1`.
#[derive(Debug)]
pub struct Accumulator<'k> {
    k: &'k Builder,
    column_steps: usize,
    elements: Vec<[Variable<'k, f32>; 4]>,
}

impl<'k> Accumulator<'k> {
    /// An accumulator of zeros.
    pub fn zeros(k: &'k Builder, row_steps: u32, column_steps: u32) -> Self {
        let fragment = |_| std::array::from_fn(|_| k.variable(0.0));
        let elements = (0..row_steps * column_steps).map(fragment).collect();
        Self { k, column_steps: column_steps as usize, elements }
    }

    /// Adds A·B to the fragment at a row and a column step.
    pub fn multiply_add(
        &mut self,
        dtype: DataType,
        (row_step, column_step): (u32, u32),
        a: FragmentA<'k>,
        b: FragmentB<'k>,
    ) {
        let accumulator = self.alias(row_step, column_step);
        self.k.mma_into(dtype, accumulator, a, b);
    }

    /// Multiplies row r of the thread with `factors[r]`.
    pub fn scale_rows(&mut self, factors: &[Value<'k, f32>]) {
        for (i, fragment) in self.elements.iter_mut().enumerate() {
            let row = i / self.column_steps * 2;
            for (j, element) in fragment.iter_mut().enumerate() {
                *element *= factors[row + j / 2];
            }
        }
    }

    /// What a fragment holds now.
    pub fn fragment(&self, row_step: u32, column_step: u32) -> FragmentC<'k> {
        let index = self.index(row_step, column_step);
        std::array::from_fn(|i| self.elements[index][i].get())
    }

    /// What all fragments hold now.
    pub fn product(&self) -> Product<'k> {
        let rows = self.elements.chunks(self.column_steps);
        let row = |row: &[[Variable<'k, f32>; 4]]| {
            row.iter().map(|fragment| fragment.each_ref().map(Variable::get)).collect()
        };
        Product { fragments: rows.map(row).collect() }
    }

    /// The kernel that the accumulator belongs to.
    pub(super) fn builder(&self) -> &'k Builder {
        self.k
    }

    /// The registers themselves, row step by row step.
    pub(super) fn registers(&self) -> Vec<Value<'k, f32>> {
        self.elements.iter().flatten().map(Variable::alias).collect()
    }

    fn alias(&self, row_step: u32, column_step: u32) -> FragmentC<'k> {
        let index = self.index(row_step, column_step);
        std::array::from_fn(|i| self.elements[index][i].alias())
    }

    fn index(&self, row_step: u32, column_step: u32) -> usize {
        row_step as usize * self.column_steps + column_step as usize
    }
}

/// A product that is complete: fragments that are read, not written.
#[derive(Clone, Debug)]
pub struct Product<'k> {
    /// Fragments by row step, then column step.
    pub fragments: Vec<Vec<FragmentC<'k>>>,
}

impl<'k> Product<'k> {
    /// Σ over `depth` steps of A·B. For each step, `a` gives the A operand of every row step, and
    /// `b` the two B operands of a pair of column steps, 16 columns.
    pub fn new(
        k: &'k Builder,
        dtype: DataType,
        [row_steps, column_steps, depth]: [u32; 3],
        mut a: impl FnMut(u32) -> Vec<FragmentA<'k>>,
        mut b: impl FnMut(u32, u32) -> [FragmentB<'k>; 2],
    ) -> Self {
        let zero = k.copy(0.0);
        let mut fragments = vec![vec![[zero; 4]; column_steps as usize]; row_steps as usize];
        for step in 0..depth {
            let a = a(step);
            for pair in 0..column_steps / 2 {
                for (half, b) in b(step, pair).into_iter().enumerate() {
                    for (row, a) in fragments.iter_mut().zip(&a) {
                        let fragment = &mut row[2 * pair as usize + half];
                        match step {
                            0 => *fragment = k.mma(dtype, *a, b, *fragment),
                            _ => k.mma_into(dtype, *fragment, *a, b),
                        }
                    }
                }
            }
        }
        Self { fragments }
    }

    /// Applies a function to every element; it is given the row of the thread, and the column from
    /// the thread's first one.
    pub fn map(
        self,
        mut function: impl FnMut(Value<'k, f32>, usize, u32) -> Value<'k, f32>,
    ) -> Self {
        let map_fragment =
            |fragment: FragmentC<'k>,
             row_step: usize,
             column_step: usize,
             f: &mut dyn FnMut(Value<'k, f32>, usize, u32) -> Value<'k, f32>| {
                let mut element = 0;
                fragment.map(|value| {
                    let (half, column) = (element / 2, element % 2);
                    element += 1;
                    f(value, 2 * row_step + half, 8 * column_step as u32 + column as u32)
                })
            };
        let rows = self.fragments.into_iter().enumerate();
        let fragments = rows
            .map(|(row_step, row)| {
                let columns = row.into_iter().enumerate();
                columns
                    .map(|(c, fragment)| map_fragment(fragment, row_step, c, &mut function))
                    .collect()
            })
            .collect();
        Self { fragments }
    }

    /// The elements of row r of the thread.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Value<'k, f32>> + '_ {
        let half = row % 2 * 2;
        self.fragments[row / 2].iter().flat_map(move |f| [f[half], f[half + 1]])
    }

    /// Rows of the thread.
    pub fn rows(&self) -> usize {
        2 * self.fragments.len()
    }

    fn into_a_of_bytes(self, dtype: DataType) -> Vec<Vec<FragmentA<'k>>> {
        let pack = |[a, b]: [FragmentC<'k>; 2], half: usize| {
            Value::pack_four([a[half], a[half + 1], b[half], b[half + 1]], dtype)
        };
        let piece = |steps: &[FragmentC<'k>]| {
            let (left, right) = ([steps[0], steps[1]], [steps[2], steps[3]]);
            [pack(left, 0), pack(left, 2), pack(right, 0), pack(right, 2)]
        };
        let row = |row: Vec<FragmentC<'k>>| row.chunks_exact(4).map(piece).collect();
        self.fragments.into_iter().map(row).collect()
    }

    /// The product rounded to `dtype`, as A operands by row step and depth step: an accumulator of
    /// 16×16 has its elements where an A operand of `mma.m16n8k16` has them.
    ///
    /// For a `dtype` of one byte a depth step has 32 columns, and their order is that of
    /// [`ByteTranspose::row_at`](super::ByteTranspose::row_at).
    pub fn into_a(self, dtype: DataType) -> Vec<Vec<FragmentA<'k>>> {
        if dtype.bytes() == 1 {
            return self.into_a_of_bytes(dtype);
        }
        let pack = |[left, right]: [FragmentC<'k>; 2]| {
            [
                left[0].pack(left[1], dtype),
                left[2].pack(left[3], dtype),
                right[0].pack(right[1], dtype),
                right[2].pack(right[3], dtype),
            ]
        };
        let row = |row: Vec<FragmentC<'k>>| {
            row.chunks_exact(2).map(|pair| pack([pair[0], pair[1]])).collect()
        };
        self.fragments.into_iter().map(row).collect()
    }
}
