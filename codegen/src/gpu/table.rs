use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Limits, Rates, Target};

/// A GPU.
///
/// ```
/// use tilewright_codegen::gpu::Gpu;
/// let a100 = Gpu::named("a100_sxm").unwrap();
/// assert_eq!(a100.multiprocessors, 108);
/// assert_eq!(Gpu::default_for("sm80").unwrap(), a100);
/// // 312 TFLOPs/s, the datasheet's figure.
/// assert_eq!((a100.peak_flops() / 1e12).round(), 312.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Its name here, such as `a100_sxm`.
    pub name: &'static str,
    /// Its name in full.
    pub title: &'static str,
    /// What its kernels are compiled for.
    pub target: Target,
    /// Multiprocessors that are enabled (datasheet).
    pub multiprocessors: u32,
    /// The clock that the datasheet's tensor peak is stated at, in MHz.
    pub clock_mhz: u32,
    /// The clock to expect under tensor load, in MHz: public measurements where there are any
    /// (for H100: cuBLAS at 798 TFLOPs/s is 1476 MHz of a fully busy tensor pipe), else
    /// `clock_mhz`.
    pub sustained_clock_mhz: u32,
    /// L2 cache in bytes (datasheet).
    pub l2_bytes: u64,
    /// Peak bandwidth of device memory in GB/s (datasheet).
    pub memory_gb_per_s: u32,
    /// Limits of a multiprocessor.
    pub limits: Limits,
    /// Rates of a multiprocessor.
    pub rates: Rates,
}

/// No GPU or architecture has this name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{name}` is not a known {kind}; known are {known}")]
pub struct UnknownGpuError {
    name: String,
    kind: &'static str,
    known: String,
}

const MIB: u64 = 1 << 20;

const A100_SXM: Gpu = Gpu {
    name: "a100_sxm",
    title: "NVIDIA A100 SXM 80 GB",
    target: Target::baseline(80),
    multiprocessors: 108,
    clock_mhz: 1410,
    sustained_clock_mhz: 1380,
    l2_bytes: 40 * MIB,
    memory_gb_per_s: 2039,
    limits: Limits::SM_80,
    rates: Rates::SM_80,
};

const RTX_3090: Gpu = Gpu {
    name: "rtx3090",
    title: "NVIDIA GeForce RTX 3090",
    target: Target::baseline(86),
    multiprocessors: 82,
    clock_mhz: 1695,
    sustained_clock_mhz: 1695,
    l2_bytes: 6 * MIB,
    memory_gb_per_s: 936,
    limits: Limits::SM_86,
    rates: Rates::SM_86.geforce(),
};

const RTX_4090: Gpu = Gpu {
    name: "rtx4090",
    title: "NVIDIA GeForce RTX 4090",
    target: Target::baseline(89),
    multiprocessors: 128,
    clock_mhz: 2520,
    sustained_clock_mhz: 2600,
    l2_bytes: 72 * MIB,
    memory_gb_per_s: 1008,
    limits: Limits::SM_89,
    rates: Rates::SM_89.geforce(),
};

const H100_SXM: Gpu = Gpu {
    name: "h100_sxm",
    title: "NVIDIA H100 SXM 80 GB",
    target: Target::architecture(90),
    multiprocessors: 132,
    clock_mhz: 1830,
    sustained_clock_mhz: 1600,
    l2_bytes: 50 * MIB,
    memory_gb_per_s: 3350,
    limits: Limits::SM_90,
    rates: Rates::SM_90,
};

const B200: Gpu = Gpu {
    name: "b200",
    title: "NVIDIA B200",
    target: Target::architecture(100),
    multiprocessors: 148,
    clock_mhz: 1856,
    sustained_clock_mhz: 1800,
    l2_bytes: 126 * MIB,
    memory_gb_per_s: 7672,
    limits: Limits::SM_100,
    rates: Rates::SM_100,
};

/// Every GPU; the first of a target is the default of its architecture.
static GPUS: &[Gpu] = &[
    A100_SXM,
    Gpu {
        name: "a100_pcie",
        title: "NVIDIA A100 PCIe 80 GB",
        sustained_clock_mhz: 1300,
        memory_gb_per_s: 1935,
        ..A100_SXM
    },
    RTX_3090,
    Gpu {
        name: "a10",
        title: "NVIDIA A10",
        multiprocessors: 72,
        clock_mhz: 1695,
        sustained_clock_mhz: 1695,
        memory_gb_per_s: 600,
        rates: Rates::SM_86,
        ..RTX_3090
    },
    Gpu {
        name: "a40",
        title: "NVIDIA A40",
        multiprocessors: 84,
        clock_mhz: 1740,
        sustained_clock_mhz: 1725,
        memory_gb_per_s: 696,
        rates: Rates::SM_86,
        ..RTX_3090
    },
    RTX_4090,
    Gpu {
        name: "l40s",
        title: "NVIDIA L40S",
        multiprocessors: 142,
        sustained_clock_mhz: 2520,
        l2_bytes: 96 * MIB,
        memory_gb_per_s: 864,
        rates: Rates::SM_89,
        ..RTX_4090
    },
    Gpu {
        name: "l4",
        title: "NVIDIA L4",
        multiprocessors: 58,
        clock_mhz: 2040,
        sustained_clock_mhz: 2040,
        l2_bytes: 48 * MIB,
        memory_gb_per_s: 300,
        rates: Rates::SM_89,
        ..RTX_4090
    },
    H100_SXM,
    Gpu {
        name: "h100_pcie",
        title: "NVIDIA H100 PCIe 80 GB",
        multiprocessors: 114,
        clock_mhz: 1619,
        sustained_clock_mhz: 1350,
        memory_gb_per_s: 2000,
        ..H100_SXM
    },
    Gpu { name: "h200", title: "NVIDIA H200 SXM", memory_gb_per_s: 4800, ..H100_SXM },
    B200,
    Gpu {
        name: "gb200",
        title: "NVIDIA GB200",
        multiprocessors: 152,
        clock_mhz: 2008,
        memory_gb_per_s: 8000,
        ..B200
    },
    Gpu {
        name: "b300",
        title: "NVIDIA B300",
        target: Target::architecture(103),
        rates: Rates::SM_103,
        ..B200
    },
    Gpu {
        name: "gb300",
        title: "NVIDIA GB300",
        target: Target::architecture(103),
        multiprocessors: 152,
        clock_mhz: 2008,
        memory_gb_per_s: 8000,
        rates: Rates::SM_103,
        ..B200
    },
];

impl Gpu {
    /// Every known GPU; the first of a target is the default of its architecture.
    pub fn all() -> &'static [Gpu] {
        GPUS
    }

    /// The GPU of this name.
    ///
    /// # Errors
    ///
    /// Where there is none; the error lists the names.
    pub fn named(name: &str) -> Result<&'static Gpu, UnknownGpuError> {
        GPUS.iter()
            .find(|gpu| gpu.name == name)
            .ok_or_else(|| unknown(name, "GPU", GPUS.iter().map(|gpu| gpu.name.to_owned())))
    }

    /// The GPU that stands for an architecture. `sm80` and `sm_80` mean the same, and so do `sm90`
    /// and `sm_90a`.
    ///
    /// # Errors
    ///
    /// Where no GPU has that architecture; the error lists those that have one.
    pub fn default_for(architecture: &str) -> Result<&'static Gpu, UnknownGpuError> {
        let number = architecture.strip_prefix("sm").map(|n| n.strip_prefix('_').unwrap_or(n));
        GPUS.iter()
            .find(|gpu| {
                let known = gpu.target.to_string();
                let known = &known["sm_".len()..];
                number == Some(known) || number == Some(known.trim_end_matches('a'))
            })
            .ok_or_else(|| {
                let mut known: Vec<_> =
                    GPUS.iter().map(|gpu| format!("sm{}", gpu.target.sm)).collect();
                known.dedup();
                unknown(architecture, "architecture", known.into_iter())
            })
    }

    /// Dense FLOP/s with f16 or bf16 inputs and f32 accumulators, at the datasheet's clock.
    pub fn peak_flops(&self) -> f64 {
        f64::from(self.multiprocessors)
            * f64::from(self.rates.tensor_f16)
            * f64::from(self.clock_mhz)
            * 1e6
    }
}

fn unknown(name: &str, kind: &'static str, known: impl Iterator<Item = String>) -> UnknownGpuError {
    UnknownGpuError {
        name: name.chars().take(40).collect(),
        kind,
        known: known.collect::<Vec<_>>().join(", "),
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for &'static Gpu {
    type Err = UnknownGpuError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Gpu::named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for gpu in Gpu::all() {
            assert_eq!(Gpu::named(gpu.name).unwrap().title, gpu.title);
        }
    }

    /// Dense bf16 peaks of the datasheets, in TFLOPs/s.
    #[test]
    fn peaks_are_the_datasheets() {
        for (name, tflops) in [
            ("a100_sxm", 312.0),
            ("rtx3090", 71.0),
            ("a10", 125.0),
            ("a40", 149.7),
            ("rtx4090", 165.2),
            ("l40s", 362.0),
            ("l4", 121.0),
            ("h100_sxm", 989.4),
            ("h100_pcie", 756.0),
            ("b200", 2250.0),
            ("gb300", 2500.0),
        ] {
            let peak = Gpu::named(name).unwrap().peak_flops() / 1e12;
            assert!((peak / tflops - 1.0).abs() < 0.015, "{name}: {peak} against {tflops}");
        }
    }

    #[test]
    fn architectures_have_defaults() {
        for (text, name) in [
            ("sm80", "a100_sxm"),
            ("sm_80", "a100_sxm"),
            ("sm86", "rtx3090"),
            ("sm89", "rtx4090"),
            ("sm90", "h100_sxm"),
            ("sm_90a", "h100_sxm"),
            ("sm103", "b300"),
        ] {
            assert_eq!(Gpu::default_for(text).unwrap().name, name);
        }
        let error = Gpu::default_for("sm75").unwrap_err().to_string();
        assert_eq!(
            error,
            "`sm75` is not a known architecture; known are sm80, sm86, sm89, sm90, sm100, sm103"
        );
    }
}
