//! What the keys of `attention!` ask for.

use syn::Ident;
use tilewright_codegen::attention::{
    Config, ConfigError, DataType, FieldError, Mask, Pass, Problem, Subject, ampere, blackwell,
    hopper,
};
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
            Value::Fields(fields, _) => self.fields(location, fields, gpu)?,
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
    fn broken_at(&self, error: &ConfigError) -> Option<Location> {
        let key = match error.subject() {
            Subject::HeadDim => "head_dim",
            Subject::DataType => "dtype",
            Subject::Target if self.find("arch").is_some() => "arch",
            Subject::Target => "gpu",
            Subject::Problem | Subject::Rule(_) => return None,
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

    /// `{ m: 128, n: 64, warps: 4, stages: 1, … }`; where there are `warps`, it is one for Ampere.
    fn fields(
        &mut self,
        location: Location,
        fields: &[(Ident, Field)],
        gpu: &Gpu,
    ) -> Option<Config> {
        let given = |name: &str| fields.iter().any(|(field, _)| field == name);
        let own = match gpu.target.sm {
            90 => Some(Config::Hopper(hopper::Config::PLAIN)),
            100 | 103 => Some(Config::Blackwell(blackwell::Config::PLAIN)),
            _ => None,
        };
        let (mut config, needed) = match (given("warps"), own) {
            (false, Some(plain)) => (plain, &["m", "n", "stages"][..]),
            _ => (Config::Ampere(ampere::Config::PLAIN), &["m", "n", "warps", "stages"][..]),
        };
        for (name, field) in fields {
            if let Err((at, message)) = set(&mut config, name, field) {
                self.diagnostics.error(at, message);
                return None;
            }
        }
        if let Some(missing) = needed.iter().find(|name| !given(name)) {
            self.diagnostics.error(location, format_args!("the tile lacks `{missing}`"));
            return None;
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

fn set(config: &mut Config, name: &Ident, field: &Field) -> Result<(), (Location, String)> {
    let key = name.to_string();
    // The tile's extents have short names here.
    let full = match key.as_str() {
        "m" => "tile_m",
        "n" => "tile_n",
        other => other,
    };
    let short = |name: &'static str| name.strip_prefix("tile_").unwrap_or(name);
    config.set(full, &field.text()).map_err(|error| match error {
        FieldError::Value { expected, .. } => {
            (Location::of(field.tokens()), format!("expected {expected} for `{key}`"))
        }
        FieldError::Unknown { known, .. } => {
            let known: Vec<&str> = known.iter().map(|name| short(name)).collect();
            let help = match similar(&key, known.iter().copied()) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => format!("the fields are {}", known.join(", ")),
            };
            (Location::of(name), format!("a tile has no field `{key}`\n\nhelp: {help}"))
        }
    })
}
