//! From a candidate to a row: emit, assemble, execute, model.

use tilewright::attention::Pass;
use tilewright::attention::Problem;
use tilewright::gpu::{Gpu, occupancy};
use tilewright_codegen::published::{Origin, Row, Status};

use crate::checks::{Verdict, check, one_line};
use crate::emit::{EmitError, Emitted, emit};
use crate::model::Model;
use crate::space::{Candidate, shape};
use crate::tools::Tools;

/// What candidates are evaluated with.
pub struct Evaluator<'e> {
    /// The GPU.
    pub gpu: &'e Gpu,
    /// What tells the time.
    pub model: &'e dyn Model,
    /// What tells registers and instructions.
    pub tools: &'e Tools,
    /// The seeds of the cases that a kernel is executed on.
    pub seeds: Vec<u64>,
}

impl Evaluator<'_> {
    /// Emits the kernel of a candidate.
    ///
    /// # Errors
    /// Where the generator made a mistake.
    pub fn emit(&self, problem: &Problem, candidate: &Candidate) -> Result<Emitted, EmitError> {
        emit(problem, &candidate.config, self.gpu)
    }

    /// All that the row of `emitted` depends on, as a hash.
    pub fn key(&self, problem: &Problem, emitted: &Emitted) -> String {
        let mut hasher = blake3::Hasher::new();
        let texts = [
            emitted.module.text(),
            self.gpu.name,
            self.model.version(),
            self.tools.ptxas_version(),
            program_hash(),
            &format!("{problem:?} {:?} {}", self.seeds, self.tools.reads_sass()),
        ];
        for text in texts {
            // The length keeps texts apart.
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// The row of a candidate whose kernel is `emitted`.
    pub fn evaluate(&self, problem: &Problem, candidate: &Candidate, emitted: &Emitted) -> Row {
        let mut row = self.blank(problem, candidate);
        row.ptx_hash = emitted.hash();
        if let Err(reason) = self.assemble(problem, candidate, emitted, &mut row) {
            return Row { status: Status::Failed, reason, ..row };
        }
        match check(problem, &candidate.config, emitted, &self.seeds) {
            Verdict::Right { max_error } => row.max_error = Some(significant(max_error, 3)),
            Verdict::Wrong { max_error, reason } => {
                row.max_error = Some(max_error).filter(|error| error.is_finite());
                (row.status, row.reason) = (Status::Wrong, reason);
            }
            Verdict::Failed { reason } => (row.status, row.reason) = (Status::Failed, reason),
        }
        row
    }

    /// The row of a candidate of which no kernel could be made.
    pub fn failed(&self, problem: &Problem, candidate: &Candidate, error: &EmitError) -> Row {
        let reason = one_line(&error.to_string());
        Row { status: Status::Failed, reason, ..self.blank(problem, candidate) }
    }

    /// Fills in what the assembler says, and the time that the model makes of it.
    fn assemble(
        &self,
        problem: &Problem,
        candidate: &Candidate,
        emitted: &Emitted,
        row: &mut Row,
    ) -> Result<(), String> {
        let Candidate { config, resources, .. } = candidate;
        let mut kernel = shape(problem, config, resources, self.gpu);
        let target = self.gpu.target.to_string();
        let assembly = self
            .tools
            .assemble(emitted.module.text(), &emitted.kernel.entry, &target, &kernel)
            .map_err(|error| one_line(&error.to_string()))?;
        if let Some(assembly) = assembly {
            row.registers = Some(assembly.registers);
            row.spill_bytes = Some(assembly.spill_bytes);
            row.sass_per_score = assembly.sass_per_score.map(|count| significant(count, 4));
            let shared = resources.shared_bytes;
            let found = occupancy(self.gpu, resources.threads, assembly.registers, shared);
            kernel.set_assembled(found.blocks, assembly.sass_per_score);
        }
        row.occupancy_blocks = kernel.blocks();
        if kernel.blocks() == 0 {
            let registers = row.registers.unwrap_or(resources.registers);
            return Err(format!(
                "no block of {} threads with {registers} registers fits a multiprocessor",
                resources.threads
            ));
        }
        let estimate = self.model.estimate(self.gpu, problem, &kernel);
        row.time_us = Some(significant(estimate.time_us, 5));
        row.tflops = Some(significant(estimate.tflops(problem), 4));
        Ok(())
    }

    /// A row with what is known before anything was done.
    fn blank(&self, problem: &Problem, candidate: &Candidate) -> Row {
        Row {
            gpu: self.gpu.name.to_owned(),
            target: self.gpu.target.to_string(),
            pass: Pass::Forward,
            dtype: problem.dtype,
            head_dim: problem.head_dim,
            head_dim_v: problem.head_dim_v,
            mask: problem.mask,
            heads: problem.heads,
            kv_heads: problem.kv_heads,
            batch: problem.batch,
            seqlen_q: problem.seqlen_q,
            seqlen_kv: problem.seqlen_kv,
            config: candidate.config.to_string(),
            status: Status::Ok,
            reason: String::new(),
            origin: Origin::Modelled,
            source: self.model.version().to_owned(),
            registers: None,
            shared_bytes: candidate.resources.shared_bytes,
            spill_bytes: None,
            occupancy_blocks: 0,
            sass_per_score: None,
            time_us: None,
            tflops: None,
            max_error: None,
            seeds: self.seeds.len() as u32,
            ptxas: self.tools.ptxas_version().to_owned(),
            ptx_hash: String::new(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// `value`, rounded to so many significant digits: tables have no more than the model knows.
pub(crate) fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// A hash of the running program, so that what an older build has found is not taken for what this
/// one would find.
fn program_hash() -> &'static str {
    use std::sync::LazyLock;
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = blake3::Hasher::new();
        let program = std::env::current_exe().and_then(std::fs::File::open);
        match program.and_then(|mut program| std::io::copy(&mut program, &mut hasher)) {
            Ok(_) => hasher.finalize().to_hex().to_string(),
            Err(_) => env!("CARGO_PKG_VERSION").to_owned(),
        }
    });
    &HASH
}
