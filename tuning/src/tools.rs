//! NVIDIA's assembler and disassembler, where this machine has them.

use std::fmt;

use tilewright::ptxas::{self, Nvdisasm, Ptxas};
use tilewright::sass::Function;

use crate::model::Kernel;

/// The tools that were found.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    ptxas: Option<(Ptxas, String)>,
    nvdisasm: Option<Nvdisasm>,
}

/// What the tools say of a kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Assembly {
    /// 32-bit registers a thread.
    pub registers: u32,
    /// Bytes that spills move, stores and loads together.
    pub spill_bytes: u32,
    /// SASS instructions of the steady loop a score and thread, where nvdisasm is there and the
    /// loop was found.
    pub sass_per_score: Option<f64>,
}

impl Tools {
    /// Looks for the tools.
    pub fn find() -> Tools {
        let with_version = |ptxas: Ptxas| ptxas.version().map(|version| (ptxas, version));
        Tools { ptxas: Ptxas::find().and_then(with_version).ok(), nvdisasm: Nvdisasm::find().ok() }
    }

    /// The release of ptxas; empty where it was not found.
    pub fn ptxas_version(&self) -> &str {
        self.ptxas.as_ref().map(|(_, version)| version.as_str()).unwrap_or_default()
    }

    /// Whether SASS can be read.
    pub fn reads_sass(&self) -> bool {
        self.ptxas.is_some() && self.nvdisasm.is_some()
    }

    /// Assembles the entry `entry` of `ptx` for `target`; nothing where there is no ptxas.
    /// `kernel` is what it computes.
    ///
    /// # Errors
    /// Where a tool refuses its input.
    pub fn assemble(
        &self,
        ptx: &str,
        entry: &str,
        target: &str,
        kernel: &Kernel,
    ) -> Result<Option<Assembly>, ptxas::Error> {
        let Some((ptxas, _)) = &self.ptxas else { return Ok(None) };
        let assembled = ptxas.assemble(ptx, target)?;
        let report = assembled.report.entry(entry).cloned().unwrap_or_default();
        let sass_per_score = match &self.nvdisasm {
            Some(nvdisasm) => {
                let functions = nvdisasm.disassemble(&assembled.cubin)?;
                let function = functions.iter().find(|function| function.name == entry);
                function.and_then(|function| sass_per_score(function, kernel))
            }
            None => None,
        };
        Ok(Some(Assembly {
            registers: report.registers,
            spill_bytes: report.spill_bytes(),
            sass_per_score,
        }))
    }
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.ptxas, &self.nvdisasm) {
            (Some((_, version)), Some(_)) => write!(f, "ptxas {version} and nvdisasm"),
            (Some((_, version)), None) => {
                write!(f, "ptxas {version}; without nvdisasm, instructions are estimated")
            }
            (None, _) => f.write_str("without ptxas, registers and instructions are estimated"),
        }
    }
}

/// Instructions of the steady loop over the scores that a thread computes in it.
///
/// How many steps the loop has been unrolled to is told by its marker.
fn sass_per_score(function: &Function, kernel: &Kernel) -> Option<f64> {
    let marker = kernel.marker();
    let steady = function.steady_loop(&[marker, "MUFU.EX2"])?;
    let mix = function.mix(&steady);
    let steps = (mix.count(marker) as f64 / kernel.markers_of_a_warp()).round().max(1.0);
    Some(mix.total() as f64 / (kernel.scores_of_a_thread() * steps))
}
