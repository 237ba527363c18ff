//! What the keys of `attention!` ask for.

use syn::Ident;
use tilewright_codegen::attention::ampere::{Config, Rescale};
use tilewright_codegen::attention::{DataType, Mask, Pass, Problem};
use tilewright_codegen::gpu::Gpu;
use tilewright_codegen::published;

use super::input::{Entry, Field, Input, Value};
use crate::diagnostic::{Diagnostics, Location, similar};

/// The keys, and what may be written for them.
const KEYS: [(&str, &str); 7] = [
    ("gpu", "a GPU, such as a100_sxm"),
    ("arch", "an architecture, such as sm80, instead of a GPU"),
    ("pass", "forward"),
    ("dtype", "f16, bf16, e4m3 or e5m2"),
    ("head_dim", "a number, or (192, 128) where V has rows of its own length"),
    ("mask", "full, causal or window"),
    ("tile", "tuned, a word such as m128n64w4s1, or { m: 128, n: 64, warps: 4, stages: 1 }"),
];

/// The lengths and heads that a tuned row is picked for where nothing says how the kernel will be
/// used: a prompt of a few thousand tokens.
const TYPICAL_LENGTH: u32 = 4096;
const TYPICAL_HEADS: u32 = 16;

/// A kernel that was asked for and can be built.
pub(super) struct Request {
    pub(super) gpu: &'static Gpu,
    pub(super) problem: Problem,
    pub(super) config: Config,
}

/// Reads the keys.
///
/// # Errors
///
/// Everything that is wrong with them.
pub(super) fn read(input: &Input) -> syn::Result<Request> {
    let mut reader = Reader { input, diagnostics: Diagnostics::default() };
    let request = reader.request();
    reader.diagnostics.into_result()?;
    request.ok_or_else(|| syn::Error::new_spanned(&input.name, "this kernel cannot be built"))
}

struct Reader<'a> {
    input: &'a Input,
    diagnostics: Diagnostics,
}

impl<'a> Reader<'a> {
    fn request(&mut self) -> Option<Request> {
        self.refuse_unknown_keys();
        let gpu = self.gpu();
        let pass = self.word("pass", |word| word.parse::<Pass>().map_err(|e| e.to_string()));
        let dtype = self.word("dtype", |word| word.parse::<DataType>().map_err(|e| e.to_string()));
        let head_dims = self.head_dims();
        let mask = self.word("mask", mask);
        let tile = self.value("tile");
        let (gpu, _, dtype, head_dims, mask) = (gpu?, pass?, dtype?, head_dims?, mask?);
        let problem = Problem {
            dtype,
            head_dim: head_dims[0],
            head_dim_v: head_dims[1],
            batch: 1,
            heads: TYPICAL_HEADS,
            kv_heads: TYPICAL_HEADS,
            seqlen_q: TYPICAL_LENGTH,
            seqlen_kv: TYPICAL_LENGTH,
            mask,
        };
        let config = self.config(tile?, gpu, &problem)?;
        Some(Request { gpu, problem, config })
    }

    fn refuse_unknown_keys(&mut self) {
        let mut seen: Vec<String> = Vec::new();
        for Entry { key, .. } in &self.input.entries {
            let name = key.to_string();
            let location = Location::of(key);
            if !KEYS.iter().any(|(known, _)| *known == name) {
                let names = KEYS.map(|(name, _)| name);
                let help = match similar(&name, names) {
                    Some(similar) => format!("did you mean `{similar}`?"),
                    None => format!("the keys are {}", names.join(", ")),
                };
                let message = format!("there is no key `{name}`");
                self.diagnostics.error_with_help(location, message, help);
            } else if seen.contains(&name) {
                self.diagnostics.error(location, format_args!("`{name}` is given twice"));
            }
            seen.push(name);
        }
    }

    fn find(&self, key: &str) -> Option<&'a Entry> {
        self.input.entries.iter().find(|entry| entry.key == key)
    }

    fn value(&mut self, key: &str) -> Option<&'a Value> {
        let found = self.find(key);
        if found.is_none() {
            self.missing(key);
        }
        found.map(|entry| &entry.value)
    }

    fn missing(&mut self, key: &str) {
        let location = Location::of(&self.input.name);
        let meaning = KEYS.iter().find(|(name, _)| *name == key).map_or("", |(_, text)| text);
        let help = format!("`{key} = …` is {meaning}");
        self.diagnostics.error_with_help(location, format_args!("`{key}` is missing"), help);
    }

    /// A key whose value is one word.
    fn word<T>(&mut self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.value(key)?;
        let location = Location::of(value.tokens());
        let result = match value {
            Value::Word(word, _) => read(word),
            _ => Err(format!("expected a word for `{key}`")),
        };
        result.map_err(|error| self.diagnostics.error(location, error)).ok()
    }

    fn gpu(&mut self) -> Option<&'static Gpu> {
        match (self.find("gpu").is_some(), self.find("arch").is_some()) {
            (true, true) => {
                if let Some(entry) = self.find("arch") {
                    let location = Location::of(&entry.key);
                    let message = "`gpu` says the architecture already";
                    self.diagnostics.error_with_help(location, message, "leave `arch` out");
                }
                None
            }
            (false, true) => {
                self.word("arch", |word| Gpu::default_for(word).map_err(|e| e.to_string()))
            }
            _ => self.word("gpu", |word| Gpu::named(word).map_err(|e| e.to_string())),
        }
    }

    fn head_dims(&mut self) -> Option<[u32; 2]> {
        let value = self.value("head_dim")?;
        let location = Location::of(value.tokens());
        match value {
            Value::Number(number, _) => Some([*number; 2]),
            Value::Pair(pair, _) => Some(*pair),
            _ => {
                let message = "expected a number, or two such as `(192, 128)`";
                self.diagnostics.error(location, message);
                None
            }
        }
    }

    /// The tile, checked against the limits of the GPU.
    fn config(&mut self, value: &Value, gpu: &Gpu, problem: &Problem) -> Option<Config> {
        let location = Location::of(value.tokens());
        let config = match value {
            Value::Word(word, _) if word == "tuned" => self.tuned(location, gpu, problem)?,
            Value::Word(word, _) => match word.parse::<Config>() {
                Ok(config) => config,
                Err(error) => {
                    let error = format!("{error}; or `tuned`");
                    self.diagnostics.error(location, error);
                    return None;
                }
            },
            Value::Fields(fields, _) => self.fields(location, fields)?,
            _ => {
                self.diagnostics.error(location, format_args!("expected {}", KEYS[6].1));
                return None;
            }
        };
        match config.check(problem, gpu) {
            Ok(_) => Some(config),
            Err(error) => {
                let at = self.broken_at(&error).unwrap_or(location);
                let help = format!("this fits: `tile = {}`", Config::default_for(problem, gpu));
                match Config::default_for(problem, gpu).check(problem, gpu) {
                    Ok(_) => self.diagnostics.error_with_help(at, error, help),
                    Err(_) => self.diagnostics.error(at, error),
                }
                None
            }
        }
    }

    /// Where a broken rule stands, if it is not about the tile.
    fn broken_at(
        &self,
        error: &tilewright_codegen::attention::ampere::ConfigError,
    ) -> Option<Location> {
        use tilewright_codegen::attention::ProblemError;
        use tilewright_codegen::attention::ampere::ConfigError;
        let key = match error {
            ConfigError::HeadDim { .. } => "head_dim",
            ConfigError::Problem(ProblemError::Range { name, .. })
                if name.starts_with("head_dim") =>
            {
                "head_dim"
            }
            ConfigError::Target { .. } => "gpu",
            _ => return None,
        };
        self.find(key).map(|entry| Location::of(entry.value.tokens()))
    }

    fn tuned(&mut self, location: Location, gpu: &Gpu, problem: &Problem) -> Option<Config> {
        let best = published::best(gpu, problem);
        if best.is_none() {
            let default = Config::default_for(problem, gpu);
            let [head_dim, head_dim_v] = [problem.head_dim, problem.head_dim_v];
            let dims = match head_dim == head_dim_v {
                true => head_dim.to_string(),
                false => format!("({head_dim}, {head_dim_v})"),
            };
            let message = format!(
                "no row is published for {}, {}, head_dim = {dims}, mask = {}",
                gpu.name,
                problem.dtype,
                problem.mask.kind()
            );
            let help = format!("tune it with the program `autotune`, or give a tile: `{default}`");
            self.diagnostics.error_with_help(location, message, help);
        }
        best
    }

    /// `{ m: 128, n: 64, warps: 4, stages: 1, … }`.
    fn fields(&mut self, location: Location, fields: &[(Ident, Field)]) -> Option<Config> {
        let mut config = Config {
            tile_m: 0,
            tile_n: 0,
            warps: 0,
            stages: 0,
            blocks: 1,
            q_in_registers: false,
            share_q_k: false,
            split_masked_loop: false,
            rescale: Rescale::Always,
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, field) in fields {
            if let Err((at, message)) = set(&mut config, name, field) {
                self.diagnostics.error(at, message);
                return None;
            }
            seen.push(name.to_string());
        }
        for needed in ["m", "n", "warps", "stages"] {
            if !seen.iter().any(|name| name == needed) {
                self.diagnostics.error(location, format_args!("the tile lacks `{needed}`"));
                return None;
            }
        }
        Some(config)
    }
}

/// The window's sizes are arguments of a launch; these only tell the kind.
fn mask(word: &str) -> Result<Mask, String> {
    match word {
        "full" => Ok(Mask::Full),
        "causal" => Ok(Mask::Causal),
        "window" => Ok(Mask::Window { left: TYPICAL_LENGTH, right: 0 }),
        other => Err(format!("`{other}` is not a mask; expected full, causal or window")),
    }
}

const FIELDS: [&str; 9] = [
    "m",
    "n",
    "warps",
    "stages",
    "blocks",
    "q_in_registers",
    "share_q_k",
    "split_masked_loop",
    "rescale",
];

fn set(config: &mut Config, name: &Ident, field: &Field) -> Result<(), (Location, String)> {
    let key = name.to_string();
    let wrong = |expected: &str| {
        Err((Location::of(field.tokens()), format!("expected {expected} for `{key}`")))
    };
    match (key.as_str(), field) {
        ("m", Field::Number(number, _)) => config.tile_m = *number,
        ("n", Field::Number(number, _)) => config.tile_n = *number,
        ("warps", Field::Number(number, _)) => config.warps = *number,
        ("stages", Field::Number(number, _)) => config.stages = *number,
        ("blocks", Field::Number(number, _)) => config.blocks = *number,
        ("q_in_registers", Field::Flag(flag, _)) => config.q_in_registers = *flag,
        ("share_q_k", Field::Flag(flag, _)) => config.share_q_k = *flag,
        ("split_masked_loop", Field::Flag(flag, _)) => config.split_masked_loop = *flag,
        ("rescale", Field::Word(word, _)) => match word.as_str() {
            "always" => config.rescale = Rescale::Always,
            "lazy" => config.rescale = Rescale::Lazy,
            "speculative" => config.rescale = Rescale::Speculative,
            _ => return wrong("always, lazy or speculative"),
        },
        ("m" | "n" | "warps" | "stages" | "blocks", _) => return wrong("a number"),
        ("q_in_registers" | "share_q_k" | "split_masked_loop", _) => return wrong("true or false"),
        ("rescale", _) => return wrong("always, lazy or speculative"),
        (other, _) => {
            let help = match similar(other, FIELDS) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => format!("the fields are {}", FIELDS.join(", ")),
            };
            let message = format!("a tile has no field `{other}`\n\nhelp: {help}");
            return Err((Location::of(name), message));
        }
    }
    Ok(())
}
