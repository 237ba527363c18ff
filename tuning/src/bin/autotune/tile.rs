//! The flags of a tile configuration.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use tilewright::attention::{Config, ConfigField};

/// The tile configuration: `--config`, or else the tuned one, with what the other flags change.
#[derive(Debug, Args)]
pub(crate) struct Tile {
    /// A configuration as tables name it, such as m128n64w4s1sl [default: the tuned one].
    #[arg(long, help_heading = HEADING)]
    pub(crate) config: Option<Config>,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

const HEADING: &str = "Tile configuration";

/// The fields that were asked for, by the names that [`Config::set`] knows, and their values. Each
/// field of a config is a flag.
#[derive(Debug, Default)]
pub(crate) struct Changes(pub(crate) Vec<(&'static str, String)>);

impl Args for Changes {
    fn augment_args(command: Command) -> Command {
        flags().into_iter().fold(command, |command, flag| command.arg(flag.arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Changes {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut changes = Self::default();
        changes.update_from_arg_matches(matches)?;
        Ok(changes)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |flag: Flag| {
            let value = matches.try_get_one::<String>(flag.name).ok().flatten()?;
            Some((flag.name, value.clone()))
        };
        self.0 = flags().into_iter().filter_map(given).collect();
        Ok(())
    }
}

/// A flag: the fields of this name, by the architectures whose configs have them.
struct Flag {
    name: &'static str,
    fields: Vec<(&'static str, ConfigField)>,
}

/// A flag for every field that any architecture has.
fn flags() -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for (architecture, fields) in Config::fields() {
        for field in fields {
            let (name, field) = (field.name, (architecture, field));
            match flags.iter_mut().find(|flag| flag.name == name) {
                Some(flag) => flag.fields.push(field),
                None => flags.push(Flag { name, fields: vec![field] }),
            }
        }
    }
    flags
}

impl Flag {
    fn arg(&self) -> Arg {
        let Self { name, fields } = self;
        let architectures: Vec<_> = fields.iter().map(|(architecture, _)| *architecture).collect();
        let (_, first) = &fields[0];
        let sentence = first.documentation.split(['.', ':', ',']).next().unwrap_or_default();
        let arg = Arg::new(*name)
            .long(name.replace('_', "-"))
            .value_name(name.to_uppercase())
            .help_heading(format!("{HEADING}, for {}", architectures.join(", ")))
            .help(sentence.to_owned())
            .long_help(self.documentation());
        match &first.values[..] {
            [] => arg.value_parser(number),
            ["true", "false"] => arg
                .num_args(0..=1)
                .default_missing_value("true")
                .value_parser(["true", "false"])
                .hide_possible_values(true),
            names => arg.value_parser(names.to_vec()),
        }
    }

    /// What the field says, for each architecture where it says not the same.
    fn documentation(&self) -> String {
        let (_, first) = &self.fields[0];
        if self.fields.iter().all(|(_, field)| field.documentation == first.documentation) {
            return first.documentation.to_owned();
        }
        let each = self.fields.iter().map(|(of, field)| format!("{of}: {}", field.documentation));
        each.collect::<Vec<_>>().join("\n")
    }
}

/// A number, as text.
fn number(text: &str) -> Result<String, std::num::ParseIntError> {
    text.parse::<u32>().map(|number| number.to_string())
}
