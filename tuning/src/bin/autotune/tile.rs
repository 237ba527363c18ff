//! The flags of a tile configuration.

use clap::Args;
use tilewright::attention::Config;

/// The tile configuration: `--config`, or else the tuned one, with what the other flags change.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tile configuration [default: the tuned one]")]
pub(crate) struct Tile {
    /// A configuration as tables name it, such as m128n64w4s1sl.
    #[arg(long)]
    pub(crate) config: Option<Config>,
    /// Query rows of a block.
    #[arg(long)]
    tile_m: Option<u32>,
    /// Keys of one iteration.
    #[arg(long)]
    tile_n: Option<u32>,
    /// Tiles of K and V that fit shared memory at once; for Blackwell, of either.
    #[arg(long)]
    stages: Option<u32>,
    /// Whether unmasked iterations have a loop of their own (Ampere, Hopper).
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    split_masked_loop: Option<bool>,
    /// When the output is rescaled (Ampere, Hopper).
    #[arg(long, value_parser = ["always", "lazy", "speculative"])]
    rescale: Option<String>,
    /// Whether Q stays in registers (Ampere, Hopper).
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    q_in_registers: Option<bool>,
    /// Whether query tiles begin with those that have the most keys (Hopper, Blackwell).
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    longest_first: Option<bool>,
    /// How many exponentials are computed by polynomials: of eight (Hopper), of sixteen (Blackwell).
    #[arg(long)]
    polynomials: Option<u32>,
    #[command(flatten)]
    ampere: Ampere,
    #[command(flatten)]
    hopper: Hopper,
    #[command(flatten)]
    blackwell: Blackwell,
}

/// What only kernels for Ampere and Ada have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tile configuration, for Ampere and Ada")]
struct Ampere {
    /// Warps of a block.
    #[arg(long)]
    warps: Option<u32>,
    /// Blocks that a multiprocessor is to hold at a time.
    #[arg(long)]
    blocks: Option<u32>,
    /// Whether Q and K share memory.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    share_q_k: Option<bool>,
}

/// What only kernels for Hopper have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tile configuration, for Hopper")]
struct Hopper {
    /// Whether the softmax of a key tile runs under the products of the next.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    overlap: Option<bool>,
    /// Whether warpgroups take turns to begin their products.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    ping_pong: Option<bool>,
    /// Whether probabilities pass through shared memory.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    p_in_shared: Option<bool>,
    /// Whether threads write the output themselves.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    direct_output: Option<bool>,
    /// Blocks of a cluster.
    #[arg(long)]
    cluster: Option<u32>,
    /// Whether a block takes one query tile after another.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    persistent: Option<bool>,
}

/// What only kernels for Blackwell have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tile configuration, for Blackwell")]
struct Blackwell {
    /// Quarters of the probabilities that are handed over before the rest.
    #[arg(long)]
    early_quarters: Option<u32>,
    /// By what power of two a row's maximum may grow before the output is rescaled.
    #[arg(long)]
    threshold: Option<u32>,
    /// Degree of the polynomials.
    #[arg(long)]
    degree: Option<u32>,
    /// Registers of a thread that computes softmax.
    #[arg(long)]
    softmax_registers: Option<u32>,
    /// Registers of a thread that corrects.
    #[arg(long)]
    correction_registers: Option<u32>,
    /// Whether two blocks multiply together.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pair: Option<bool>,
    /// How blocks come to their query tiles.
    #[arg(long, value_parser = ["single", "persistent", "dynamic"])]
    schedule: Option<String>,
    /// Whether the output takes the place of Q in shared memory.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    o_over_q: Option<bool>,
}

impl Tile {
    /// The fields that were asked for, by the names that [`Config::set`] knows, and their values.
    pub(crate) fn changes(&self) -> Vec<(&'static str, String)> {
        fn given<T: ToString>(value: &Option<T>) -> Option<String> {
            value.as_ref().map(T::to_string)
        }
        let Self { ampere, hopper, blackwell, .. } = self;
        let fields = [
            ("tile_m", given(&self.tile_m)),
            ("tile_n", given(&self.tile_n)),
            ("stages", given(&self.stages)),
            ("split_masked_loop", given(&self.split_masked_loop)),
            ("rescale", given(&self.rescale)),
            ("q_in_registers", given(&self.q_in_registers)),
            ("longest_first", given(&self.longest_first)),
            ("polynomials", given(&self.polynomials)),
            ("warps", given(&ampere.warps)),
            ("blocks", given(&ampere.blocks)),
            ("share_q_k", given(&ampere.share_q_k)),
            ("overlap", given(&hopper.overlap)),
            ("ping_pong", given(&hopper.ping_pong)),
            ("p_in_shared", given(&hopper.p_in_shared)),
            ("direct_output", given(&hopper.direct_output)),
            ("cluster", given(&hopper.cluster)),
            ("persistent", given(&hopper.persistent)),
            ("early_quarters", given(&blackwell.early_quarters)),
            ("threshold", given(&blackwell.threshold)),
            ("degree", given(&blackwell.degree)),
            ("softmax_registers", given(&blackwell.softmax_registers)),
            ("correction_registers", given(&blackwell.correction_registers)),
            ("pair", given(&blackwell.pair)),
            ("schedule", given(&blackwell.schedule)),
            ("o_over_q", given(&blackwell.o_over_q)),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use tilewright::attention::{ampere, blackwell, hopper};

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        _tile: Tile,
    }

    #[test]
    fn every_field_of_a_config_has_a_flag() {
        let command = Flags::command();
        for field in [ampere::FIELDS, hopper::FIELDS, blackwell::FIELDS].concat() {
            let flag = command.get_arguments().find(|flag| flag.get_id() == field);
            assert!(flag.is_some(), "{field}");
        }
    }
}
