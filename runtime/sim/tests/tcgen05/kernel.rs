//! The text of the kernels.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::types::code;
use super::{A_COLUMN, COLUMNS, Case, LANES, SCALE_COLUMNS};

impl Case {
    fn instruction(&self) -> u32 {
        let (kind, sum, a, b, _) = self.types;
        let scaled = kind.starts_with("mx");
        let sum = match (scaled, sum) {
            (true, _) => self.scale_byte(1),
            (_, "f16") => 0,
            (_, "f32") => 1,
            _ => 2,
        };
        let negate = if kind == "i8" { [false; 2] } else { self.negate };
        let flag = |set: bool, bit: u32| u32::from(set) << bit;
        let above = match scaled {
            true => flag(!self.block().1, 23) | self.scale_byte(0) << 29,
            false => flag(kind == "i8" && self.saturate, 3),
        };
        sum << 4
            | code(a) << 7
            | code(b) << 10
            | flag(negate[0], 13)
            | flag(negate[1], 14)
            | flag(!self.along_k[0], 15)
            | flag(!self.along_k[1], 16)
            | (self.n as u32 / 8) << 17
            | (self.m as u32 / 16) << 24
            | above
    }

    /// The instruction that is tested.
    fn multiply(&self) -> String {
        let (kind, .., block) = self.types;
        let (group, weight) = (self.blocks(), if self.stationary { ".ws" } else { "" });
        let scale = match (kind, block) {
            ("mxf8f6f4", _) => ".block_scale.scale_vec::1X",
            ("mxf4", _) | ("mxf4nvf4", 32) => ".block_scale.scale_vec::2X",
            ("mxf4nvf4", _) => ".block_scale.scale_vec::4X",
            _ => "",
        };
        let a = if self.a_in_tensor_memory { "[%ta]" } else { "%da" };
        let shift = if self.shift { ".ashift" } else { "" };
        let mut text = format!(
            "tcgen05.mma{weight}.cta_group::{group}.kind::{kind}{scale}{shift} [%td], {a}, %db, %i"
        );
        if block != 0 {
            text += ", [%sa], [%sb]";
        } else if self.disables {
            let words: Vec<String> = (0..4 * group).map(|i| format!("%m{i}")).collect();
            write!(text, ", {{{}}}", words.join(", ")).unwrap();
        }
        text += ", %accumulate";
        if self.scale > 0 {
            write!(text, ", {}", self.scale).unwrap();
        }
        if self.zeros.is_some() {
            text += ", %zeros";
        }
        text + ";\n"
    }

    /// A kernel that leaves units out of what it multiplies, those of each block.
    pub(super) fn kernel(
        &self,
        [a, b]: [u64; 2],
        shared: usize,
        left_out: &[BTreeSet<usize>],
    ) -> String {
        let group = self.blocks();
        let lane = if self.upper && self.rows() == 64 { 16 << 16 } else { 0 };
        let mut text = format!(
            ".version 8.8\n.target sm_100a\n.address_size 64\n.visible .entry multiply(\
             .param .u64 image, .param .u64 tensor, .param .u64 kept, .param .u64 results)\n{{\n\
             .shared .align 1024 .b8 tile[{shared}];\n.shared .align 8 .b8 bar[8];\n\
             .shared .align 4 .b8 place[4];\n\
             .reg .b64 %p<5>, %at, %da, %db, %zeros;\n\
             .reg .b32 %t, %s, %w<32>, %x, %rank, %base, %td, %ta, %sa, %sb, %i, %m<8>, %z;\n\
             .reg .pred %accumulate, %first, %warp, %done, %kept;\n\
             ld.param.u64 %p0, [image];\nld.param.u64 %p1, [tensor];\nld.param.u64 %p2, [results];\n\
             ld.param.u64 %p4, [kept];\n\
             mov.u32 %t, %tid.x;\nmov.u32 %rank, %ctaid.x;\n\
             mad.wide.u32 %p0, %rank, {shared}, %p0;\n\
             mad.lo.u32 %x, %rank, {LANES}, %t;\n\
             mad.wide.u32 %p1, %x, {row}, %p1;\nmad.wide.u32 %p2, %x, {row}, %p2;\n\
             mad.wide.u32 %p4, %x, {row}, %p4;\n\
             mov.u32 %s, tile;\nmad.lo.u32 %s, %t, 16, %s;\nmad.wide.u32 %at, %t, 16, %p0;\n\
             setp.eq.u32 %first, %t, 0;\nsetp.lt.u32 %warp, %t, 32;\n",
            row = 4 * COLUMNS
        );
        for offset in (0..shared).step_by(2048) {
            let words = "{%w0, %w1, %w2, %w3}";
            writeln!(text, "ld.global.v4.b32 {words}, [%at+{offset}];").unwrap();
            text += "setp.ge.u32 %kept, %t, 0;\n";
            for (block, units) in left_out.iter().enumerate() {
                for unit in units.range(offset / 16..(offset + 2048) / 16) {
                    let thread = block * LANES + unit % LANES;
                    writeln!(text, "setp.ne.and.u32 %kept, %x, {thread}, %kept;").unwrap();
                }
            }
            writeln!(text, "@%kept st.shared.v4.b32 [%s+{offset}], {words};").unwrap();
        }
        let cluster = match self.pair {
            true => "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n",
            false => "",
        };
        let words: Vec<String> = (0..32).map(|i| format!("%w{i}")).collect();
        let words = words.join(", ");
        write!(
            text,
            "fence.proxy.async.shared::cta;\n\
             @%first mbarrier.init.shared::cta.b64 [bar], 1;\n\
             @%first fence.mbarrier_init.release.cluster;\n\
             {cluster}@!%warp bra allocated;\n\
             tcgen05.alloc.cta_group::{group}.sync.aligned.shared::cta.b32 [place], {COLUMNS};\n\
             allocated:\nbar.sync 0;\nld.shared.u32 %base, [place];\n\
             and.b32 %x, %t, 96;\nshl.b32 %x, %x, 16;\nadd.u32 %x, %x, %base;\n"
        )
        .unwrap();
        for first in (0..COLUMNS).step_by(32) {
            for i in 0..32 {
                writeln!(text, "ld.global.b32 %w{i}, [%p1+{}];", 4 * (first + i)).unwrap();
            }
            writeln!(text, "tcgen05.st.sync.aligned.32x32b.x32.b32 [%x+{first}], {{{words}}};")
                .unwrap();
        }
        let compare = if self.accumulate { "ge" } else { "lt" };
        let commit = match self.pair {
            true => ".shared::cluster.multicast::cluster.b64 [bar], %h;",
            false => ".shared::cluster.b64 [bar];",
        };
        write!(
            text,
            "tcgen05.wait::st.sync.aligned;\ntcgen05.fence::before_thread_sync;\nbar.sync 0;\n\
             {cluster}tcgen05.fence::after_thread_sync;\n\
             setp.ne.u32 %done, %rank, 0;\n@%done bra issued;\n@!%first bra issued;\n\
             add.u32 %td, %base, {lane};\nadd.u32 %ta, %td, {A_COLUMN};\n\
             add.u32 %sa, %base, {};\nadd.u32 %sb, %base, {};\n\
             mov.b64 %da, {a};\nmov.b64 %db, {b};\nmov.b32 %i, {};\n\
             setp.{compare}.u32 %accumulate, %t, 0;\n",
            SCALE_COLUMNS[0],
            SCALE_COLUMNS[1],
            self.instruction()
        )
        .unwrap();
        for word in 0..4 * group {
            let lanes = (0..32).filter(|i| self.is_disabled(word / 4, word % 4 * 32 + i));
            let mask = lanes.fold(0_u32, |mask, i| mask | 1 << i);
            writeln!(text, "mov.b32 %m{word}, {mask};").unwrap();
        }
        writeln!(text, "mov.b64 %zeros, {};", self.zero_mask()).unwrap();
        text += &self.multiply();
        write!(
            text,
            "{{\n.reg .b16 %h;\nmov.b16 %h, 3;\n\
             tcgen05.commit.cta_group::{group}.mbarrier::arrive::one{commit}\n}}\n\
             issued:\nmov.u32 %z, 0;\n\
             wait:\nmbarrier.try_wait.parity.shared::cta.b64 %done, [bar], %z;\n@!%done bra wait;\n\
             tcgen05.fence::after_thread_sync;\n"
        )
        .unwrap();
        for first in (0..COLUMNS).step_by(32) {
            writeln!(
                text,
                "tcgen05.ld.sync.aligned.32x32b.x32.b32 {{{words}}}, [%x+{first}];\n\
                 tcgen05.wait::ld.sync.aligned;"
            )
            .unwrap();
            for i in 0..32 {
                let at = 4 * (first + i);
                writeln!(text, "ld.global.b32 %z, [%p4+{at}];\nsetp.ne.u32 %kept, %z, 0;").unwrap();
                writeln!(text, "@%kept st.global.b32 [%p2+{at}], %w{i};").unwrap();
            }
        }
        write!(
            text,
            "tcgen05.fence::before_thread_sync;\nbar.sync 0;\n{cluster}@!%warp bra freed;\n\
             tcgen05.dealloc.cta_group::{group}.sync.aligned.b32 %base, {COLUMNS};\n\
             freed:\nret;\n}}\n"
        )
        .unwrap();
        text
    }
}
