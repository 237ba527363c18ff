//! Modules: variables, functions and their declarations.

use foldhash::{HashMap, HashMapExt};
use smol_str::SmolStr;

use super::body::Body;
use super::error::{CheckError, CheckErrorKind};
use super::layout;
use super::resolved::{CheckedFunction, ParameterLayout, VariableId, VariableInfo};
use super::types::{immediate, is_fundamental};
use crate::gpu::{Target, TargetSet};
use crate::ptx::tree::{
    Directive, Function, Initializer, Item, Linkage, Module, Parameter, Variable,
};
use crate::ptx::{Space, Span, Version};

/// More mistakes than this are not reported.
const ERROR_LIMIT: usize = 100;

/// What a name at module scope means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    Variable(VariableId),
    Function(u32),
}

/// The state of a check.
pub(super) struct Checker<'a> {
    pub(super) target: Target,
    /// The module's version; without one, any is allowed.
    pub(super) version: Option<Version>,
    /// The oldest version that has everything seen so far.
    pub(super) needed: Version,
    pub(super) variables: Vec<VariableInfo>,
    pub(super) functions: Vec<CheckedFunction>,
    pub(super) errors: Vec<CheckError>,
    globals: HashMap<&'a str, Global>,
    /// Bytes of constants so far.
    constants: u64,
}

impl<'a> Checker<'a> {
    /// Checks the module; without a `version`, finds out which it needs.
    pub(super) fn run(module: &'a Module, version: Option<Version>) -> Self {
        let mut checker = Self {
            target: module.target,
            version,
            needed: Version::default(),
            variables: Vec::new(),
            functions: Vec::new(),
            errors: Vec::new(),
            globals: HashMap::new(),
            constants: 0,
        };
        checker.check_target();
        for item in &module.items {
            match item {
                Item::Variable(variable) => checker.module_variable(variable),
                Item::Function(function) => checker.function(function),
                Item::Alias { name, target, span } => checker.alias(name, target, *span),
                Item::Pragma(text) => checker.pragma(Span::default(), text),
            }
        }
        checker
    }

    pub(super) fn global(&self, name: &str) -> Option<Global> {
        self.globals.get(name).copied()
    }

    pub(super) fn error(&mut self, span: Span, kind: CheckErrorKind) {
        self.hinted(span, kind, None);
    }

    pub(super) fn hinted(&mut self, span: Span, kind: CheckErrorKind, hint: Option<String>) {
        if self.errors.len() < ERROR_LIMIT {
            self.errors.push(CheckError { span, kind, hint });
        }
    }

    /// Notes that something needs a version, and reports it where the module's is older.
    pub(super) fn need(&mut self, span: Span, version: Version, what: impl FnOnce() -> String) {
        self.needed = self.needed.max(version);
        if let Some(module) = self.version.filter(|module| *module < version) {
            let kind = CheckErrorKind::Version { what: what(), needs: version, module };
            self.error(span, kind);
        }
    }

    /// Reports what the module's target lacks.
    pub(super) fn need_target(&mut self, span: Span, least: Target, what: &str) {
        if !self.target.admits(least) {
            let targets = TargetSet(vec![least]);
            let kind = CheckErrorKind::Target { what: what.into(), target: self.target, targets };
            self.error(span, kind);
        }
    }

    fn check_target(&mut self) {
        match self.target.least_version() {
            Some(version) => {
                let target = self.target;
                self.need(Span { line: 1, column: 1 }, version, || format!("target {target}"));
            }
            None => {
                let hint = "such are sm_80, sm_86, sm_89, sm_90a, sm_100a and sm_120".to_string();
                let kind = CheckErrorKind::NoSuchTarget { target: self.target };
                self.hinted(Span { line: 1, column: 1 }, kind, Some(hint));
            }
        }
    }

    fn module_variable(&mut self, variable: &'a Variable) {
        let placed = matches!(variable.space, Space::Global | Space::Const | Space::Shared);
        if !placed {
            let what = format!("a .{} variable", variable.space);
            self.error(variable.span, CheckErrorKind::Misplaced { what });
        }
        let known = self.globals.get(variable.name.as_str()).copied();
        match known {
            None => {
                let id = self.variable(variable, None);
                self.globals.insert(&variable.name, Global::Variable(id));
            }
            // A declaration may precede the definition.
            Some(Global::Variable(id)) if self.variables[id.0 as usize].is_extern => {
                let info = self.variable_info(variable, None);
                let before = &mut self.variables[id.0 as usize];
                let same = before.space == info.space
                    && before.scalar == info.scalar
                    && variable.linkage != Linkage::Internal;
                match same {
                    true => *before = info,
                    false => {
                        let kind = CheckErrorKind::Redeclared { name: variable.name.clone() };
                        self.error(variable.span, kind);
                    }
                }
            }
            Some(_) => {
                let kind = CheckErrorKind::Duplicate { name: variable.name.clone() };
                self.error(variable.span, kind);
            }
        }
    }

    /// Checks a variable of any scope and adds it.
    pub(super) fn variable(&mut self, variable: &Variable, function: Option<&str>) -> VariableId {
        self.count_constant(variable);
        let info = self.variable_info(variable, function);
        let id = VariableId(self.variables.len() as u32);
        self.variables.push(info);
        id
    }

    fn variable_info(&mut self, variable: &Variable, function: Option<&str>) -> VariableInfo {
        if !is_fundamental(variable.scalar) {
            let kind = CheckErrorKind::Type { what: "variable", scalar: variable.scalar };
            self.error(variable.span, kind);
        }
        self.check_alignment(variable.span, variable.align);
        self.check_dimensions(variable);
        self.check_initializer(variable);
        VariableInfo {
            name: variable.name.clone(),
            space: variable.space,
            align: layout::align(variable),
            size: layout::size(variable).unwrap_or(0),
            scalar: variable.scalar,
            is_extern: variable.linkage == Linkage::Extern,
            initializer: variable.initializer.clone(),
            function: function.map(SmolStr::new),
        }
    }

    pub(super) fn check_alignment(&mut self, span: Span, align: Option<u32>) {
        if let Some(align) = align.filter(|a| !a.is_power_of_two()) {
            self.error(span, CheckErrorKind::Alignment { align });
        }
    }

    fn check_dimensions(&mut self, variable: &Variable) {
        let open = variable.dimensions.contains(&None);
        let allowed = variable.linkage == Linkage::Extern || !variable.initializer.is_empty();
        if open && !allowed {
            let what = format!("the open array `{}`", variable.name);
            let hint = "give its size, or declare it `.extern`".to_string();
            self.hinted(variable.span, CheckErrorKind::Misplaced { what }, Some(hint));
        }
        if layout::size(variable).is_none_or(|size| size > u64::from(u32::MAX)) {
            let what = format!("the size of `{}`", variable.name);
            let found = layout::size(variable).unwrap_or(u64::MAX);
            let limit = u32::MAX.into();
            self.error(variable.span, CheckErrorKind::Limit { what, found, limit });
        }
    }

    fn check_initializer(&mut self, variable: &Variable) {
        if variable.initializer.is_empty() {
            return;
        }
        let name = &variable.name;
        if let Some(undeclared) = self.undeclared(variable) {
            self.error(variable.span, CheckErrorKind::Undeclared { name: undeclared });
        } else if let Some(problem) = initializer_problem(variable) {
            let kind = CheckErrorKind::Initializer { name: name.clone(), problem };
            self.error(variable.span, kind);
        }
    }

    /// A name in the initializer that is neither a variable nor a function.
    fn undeclared(&self, variable: &Variable) -> Option<SmolStr> {
        variable.initializer.iter().find_map(|value| match value {
            Initializer::Address { name, .. } if *name != variable.name => {
                self.global(name).is_none().then(|| name.clone())
            }
            _ => None,
        })
    }

    fn function(&mut self, function: &'a Function) {
        let index = match self.global(&function.name) {
            None => {
                let index = self.functions.len() as u32;
                self.functions.push(declaration(function));
                self.globals.insert(&function.name, Global::Function(index));
                index
            }
            Some(Global::Function(index)) => {
                let before = &self.functions[index as usize];
                if before.is_defined && function.body.is_some() {
                    let kind = CheckErrorKind::Duplicate { name: function.name.clone() };
                    return self.error(function.span, kind);
                }
                if !same_signature(before, function) {
                    let kind = CheckErrorKind::Redeclared { name: function.name.clone() };
                    return self.error(function.span, kind);
                }
                index
            }
            Some(Global::Variable(_)) => {
                let kind = CheckErrorKind::Duplicate { name: function.name.clone() };
                return self.error(function.span, kind);
            }
        };
        self.check_parameters(function);
        self.check_directives(function);
        if let Some(statements) = &function.body {
            // Set first, so that a function may call itself.
            self.functions[index as usize].is_defined = true;
            let checked = Body::check(self, function, statements);
            self.functions[index as usize] = checked;
        }
    }

    fn check_parameters(&mut self, function: &Function) {
        let span = function.span;
        for parameter in function.parameters.iter().chain(&function.returns) {
            self.check_parameter(span, function.is_entry, parameter);
        }
        let block = layout::parameters(&function.parameters);
        let size = block.last().map_or(0, |p| p.offset + p.size);
        if function.is_entry && size > SMALL_PARAMETERS {
            let what = format!("a parameter block of {size} bytes");
            self.need_target(span, Target::baseline(70), &what);
            self.need(span, Version::new(8, 1), || what.clone());
        }
        if function.is_entry && size > LARGE_PARAMETERS {
            let what = format!("the size of the parameters of `{}`", function.name);
            let kind = CheckErrorKind::Limit { what, found: size, limit: LARGE_PARAMETERS };
            self.error(span, kind);
        }
    }

    pub(super) fn check_parameter(&mut self, span: Span, is_entry: bool, parameter: &Parameter) {
        let allowed = match parameter.is_register {
            true => super::types::is_register_type(parameter.scalar),
            false => is_fundamental(parameter.scalar),
        };
        if !allowed {
            let kind = CheckErrorKind::Type { what: "parameter", scalar: parameter.scalar };
            self.error(span, kind);
        }
        if is_entry && parameter.is_register {
            let what = format!("the register parameter `{}` of an entry", parameter.name);
            let hint = "declare it `.param`".to_string();
            self.hinted(span, CheckErrorKind::Misplaced { what }, Some(hint));
        }
        self.check_alignment(span, parameter.align);
        if let Some(pointer) = parameter.pointer {
            self.check_alignment(span, pointer.align);
        }
    }

    /// The alias takes the place of its own declaration.
    fn alias(&mut self, name: &'a SmolStr, target: &'a SmolStr, span: Span) {
        self.need(span, Version::new(6, 3), || "`.alias`".into());
        let mut find = |name: &'a SmolStr| match self.global(name) {
            Some(Global::Function(index)) => Some(index as usize),
            _ => {
                self.error(span, CheckErrorKind::Undeclared { name: name.clone() });
                None
            }
        };
        let (Some(alias), Some(target)) = (find(name), find(target)) else { return };
        let (before, function) = (&self.functions[alias], &self.functions[target]);
        let same = same_layout(&before.parameters, &function.parameters)
            && same_layout(&before.returns, &function.returns);
        if before.is_defined || !function.is_defined || function.is_entry || !same {
            return self.error(span, CheckErrorKind::Redeclared { name: name.clone() });
        }
        self.functions[alias] = CheckedFunction { name: name.clone(), ..function.clone() };
    }

    /// Adds a constant to those before it.
    fn count_constant(&mut self, variable: &Variable) {
        if variable.space != Space::Const || variable.linkage == Linkage::Extern {
            return;
        }
        let before = self.constants;
        self.constants = before.saturating_add(layout::size(variable).unwrap_or(0));
        if before <= CONSTANT_LIMIT && self.constants > CONSTANT_LIMIT {
            let what = format!("the size of the constants up to `{}`", variable.name);
            let found = self.constants;
            let kind = CheckErrorKind::Limit { what, found, limit: CONSTANT_LIMIT };
            self.error(variable.span, kind);
        }
    }

    /// Notes the version that a pragma needs (PTX ISA, *Pragma Strings*).
    pub(super) fn pragma(&mut self, span: Span, text: &str) {
        let version = match text.split_whitespace().next() {
            Some("used_bytes_mask") => Version::new(8, 3),
            Some("enable_smem_spilling" | "frequency") => Version::new(9, 0),
            _ => Version::new(2, 0),
        };
        self.need(span, version, || format!("`.pragma \"{text}\"`"));
    }

    fn check_directives(&mut self, function: &Function) {
        let has = |wanted: fn(&Directive) -> bool| function.directives.iter().any(wanted);
        let conflict = |first, second| CheckErrorKind::Conflict { first, second };
        if has(|d| matches!(d, Directive::MaxThreads(_)))
            && has(|d| matches!(d, Directive::RequiredThreads(_)))
        {
            self.error(function.span, conflict(".maxntid", ".reqntid"));
        }
        if function.is_entry && has(|d| matches!(d, Directive::NoReturn)) {
            self.error(function.span, conflict(".entry", ".noreturn"));
        }
        for directive in &function.directives {
            if let Directive::Pragma(text) = directive {
                self.pragma(function.span, text);
            }
            let (name, version, target) = directive_availability(directive);
            self.need(function.span, version, || format!("`{name}`"));
            self.need_target(function.span, Target::baseline(target), &format!("`{name}`"));
        }
    }
}

/// Bytes of parameters that every version takes, and that PTX 8.1 takes from sm_70 on (PTX ISA,
/// *Kernel Function Parameters*).
const SMALL_PARAMETERS: u64 = 4352;
const LARGE_PARAMETERS: u64 = 32764;

/// Bytes of constants that a module may have (PTX ISA, *Constant State Space*).
const CONSTANT_LIMIT: u64 = 65536;

fn declaration(function: &Function) -> CheckedFunction {
    CheckedFunction {
        name: function.name.clone(),
        is_entry: function.is_entry,
        is_defined: false,
        directives: function.directives.clone(),
        parameters: layout::parameters(&function.parameters),
        returns: layout::parameters(&function.returns),
        registers: Vec::new(),
        code: Vec::new(),
    }
}

/// Whether two declarations agree in everything but the names of parameters.
fn same_signature(before: &CheckedFunction, function: &Function) -> bool {
    let now = declaration(function);
    before.is_entry == now.is_entry
        && same_layout(&before.parameters, &now.parameters)
        && same_layout(&before.returns, &now.returns)
}

fn same_layout(a: &[ParameterLayout], b: &[ParameterLayout]) -> bool {
    let shape = |p: &ParameterLayout| (p.scalar.bits(), p.align, p.size);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| shape(a) == shape(b))
}

/// Why the values cannot be the variable's.
fn initializer_problem(variable: &Variable) -> Option<String> {
    if !matches!(variable.space, Space::Global | Space::Const) {
        return Some(format!("is in .{}, where variables have none", variable.space));
    }
    let elements = layout::elements(variable).unwrap_or(0);
    let given = variable.initializer.len() as u64;
    if !variable.dimensions.contains(&None) && given > elements {
        return Some(format!("has {given} values for {elements} elements"));
    }
    let scalar = variable.scalar;
    variable.initializer.iter().find_map(|value| match value {
        Initializer::Literal(literal) if immediate(*literal, scalar).is_none() => {
            Some(format!("has `{literal}` for a .{scalar}"))
        }
        _ => None,
    })
}

/// Name, first version and first target of a directive (PTX ISA, *Performance-Tuning Directives*
/// and *Cluster Dimension Directives*).
fn directive_availability(directive: &Directive) -> (&'static str, Version, u16) {
    match directive {
        Directive::MaxThreads(_) => (".maxntid", Version::new(1, 3), 0),
        Directive::RequiredThreads(_) => (".reqntid", Version::new(2, 1), 0),
        Directive::MinBlocksPerMultiprocessor(_) => (".minnctapersm", Version::new(2, 0), 0),
        Directive::MaxRegisters(_) => (".maxnreg", Version::new(1, 3), 0),
        Directive::RequiredCluster(_) => (".reqnctapercluster", Version::new(7, 8), 90),
        Directive::MaxClusterRank(_) => (".maxclusterrank", Version::new(7, 8), 90),
        Directive::ExplicitCluster => (".explicitcluster", Version::new(7, 8), 90),
        Directive::BlocksAreClusters => (".blocksareclusters", Version::new(9, 0), 90),
        Directive::NoReturn => (".noreturn", Version::new(6, 4), 30),
        Directive::Pragma(_) => (".pragma", Version::new(2, 0), 0),
    }
}
