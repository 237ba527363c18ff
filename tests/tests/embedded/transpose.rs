//! Tiles of bytes transposed in shared memory.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tilewright::dsl::{self, Builder, Global, Pointer, Shared};
use tilewright::ptx::tree::Module;
use tilewright::sim::Options;
use tilewright::tile::{ByteTranspose, CHUNK, PanelLayout};
use tilewright_tests::run::{Arg, geometry, reread, run};

const THREADS: u32 = 128;

/// Copies a tile to shared memory as it is, transposes it, and copies the result out as it is.
fn kernel(rows: u32, columns: u32) -> Module {
    dsl::kernel("transpose", "sm_90a".parse().unwrap(), |k| {
        k.require_threads(THREADS);
        let from = k.pointer_parameter::<u32>("from");
        let to = k.pointer_parameter::<u32>("to");
        let memory = k.dynamic_shared_aligned(PanelLayout::ALIGN);
        let bytes = rows * columns;
        let result = memory.byte_offset(bytes.next_multiple_of(PanelLayout::ALIGN).into());
        each_chunk(k, bytes, from, memory, |from, memory| {
            memory.store_vector(from.load_vector::<4>());
        });
        k.barrier();
        let transpose = ByteTranspose::new(k.thread_index().x, rows, columns).unwrap();
        transpose.run(memory, result);
        k.barrier();
        each_chunk(k, bytes, to, result, |to, result| to.store_vector(result.load_vector::<4>()));
    })
}

fn each_chunk<'k>(
    k: &'k Builder,
    bytes: u32,
    global: Pointer<'k, u32, Global>,
    shared: Pointer<'k, u32, Shared>,
    copy: impl FnOnce(Pointer<'k, u32, Global>, Pointer<'k, u32, Shared>),
) {
    k.for_range(k.thread_index().x * CHUNK, bytes, THREADS * CHUNK, |at| {
        copy(global.byte_add(at.widen()), shared.byte_add(at));
    });
}

/// Where an element lies in a tile.
fn place(layout: PanelLayout, row: u32, column: u32) -> usize {
    (layout.offset(row, column / CHUNK) + column % CHUNK) as usize
}

#[test]
fn tiles_of_bytes_are_transposed() {
    let shapes = [(128, 128), (224, 128), (64, 96), (160, 64), (32, 256), (64, 32)];
    for (seed, (rows, columns)) in shapes.into_iter().enumerate() {
        let from = PanelLayout::new(rows, columns).unwrap();
        let to = ByteTranspose::result_layout(rows, columns).unwrap();
        let mut generator = SmallRng::seed_from_u64(seed as u64);
        let source: Vec<u8> = (0..rows * columns).map(|_| generator.random()).collect();
        let size = source.len();
        let args = [Arg::Buffer("from", source.clone()), Arg::Output("to", size)];
        let shared = 2 * (size as u32).next_multiple_of(PanelLayout::ALIGN);
        let options = Options { seed: seed as u64, ..Options::default() };
        let module = reread(kernel(rows, columns));
        let (buffers, _) = run(&module, &geometry([1; 3], THREADS, shared), &args, options)
            .unwrap_or_else(|error| panic!("{rows}×{columns}: {error}"));
        for row in 0..columns {
            for position in 0..rows {
                let (key, column) =
                    (ByteTranspose::row_at(position), ByteTranspose::column_at(row));
                assert_eq!(
                    buffers[1][place(to, row, position)],
                    source[place(from, key, column)],
                    "{rows}×{columns}: row {row}, byte {position}"
                );
            }
        }
    }
}
