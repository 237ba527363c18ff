//! Random expressions: what a compiled one computes on the simulator is what Rust's own operators
//! make of it.

use std::fmt;

use proptest::prelude::*;
use tilewright::device::{Argument, Contents, Device, Geometry, Module, Simulator};

use crate::kernel::tests::compiled;
use crate::kernel::types::Scalar::{self, *};

const SCALARS: [Scalar; 10] = [U8, U16, U32, U64, I8, I16, I32, I64, F32, F64];
const THREADS: usize = 32;

/// An expression of one type. Its text is the device's code.
#[derive(Clone, Debug)]
enum Tree {
    /// One of the two variables of its type.
    Variable(Scalar, usize),
    Literal(Value),
    Binary(&'static str, Box<Tree>, Box<Tree>),
    /// The amount is a `u32`.
    Shift(&'static str, Box<Tree>, Box<Tree>),
    Unary(&'static str, Box<Tree>),
    Cast(Box<Tree>, Scalar),
    If(Box<[Tree; 4]>, &'static str),
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Integer(i128, Scalar),
    F32(f32),
    F64(f64),
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(scalar, 0) => write!(f, "a_{scalar}"),
            Self::Variable(scalar, _) => write!(f, "b_{scalar}"),
            Self::Literal(Value::Integer(value, scalar)) => write!(f, "({value}{scalar})"),
            Self::Literal(Value::F32(value)) => write!(f, "({value:?}f32)"),
            Self::Literal(Value::F64(value)) => write!(f, "({value:?}f64)"),
            // Odd, so that nothing is divided by zero.
            Self::Binary(symbol @ ("/" | "%"), a, b) if !a.scalar().is_float() => {
                write!(f, "({a} {symbol} ({b} | 1))")
            }
            Self::Binary(name @ ("min" | "max"), a, b) => write!(f, "{name}({a}, {b})"),
            Self::Binary(symbol, a, b) | Self::Shift(symbol, a, b) => {
                write!(f, "({a} {symbol} {b})")
            }
            Self::Unary(symbol, value) => write!(f, "({symbol}{value})"),
            Self::Cast(value, scalar) => write!(f, "({value} as {scalar})"),
            Self::If(parts, symbol) => {
                let [a, b, then, otherwise] = &**parts;
                write!(f, "(if {a} {symbol} {b} {{ {then} }} else {{ {otherwise} }})")
            }
        }
    }
}

impl Tree {
    fn scalar(&self) -> Scalar {
        match self {
            Self::Variable(scalar, _) | Self::Cast(_, scalar) => *scalar,
            Self::Literal(value) => value.scalar(),
            Self::Binary(_, a, _) | Self::Shift(_, a, _) | Self::Unary(_, a) => a.scalar(),
            Self::If(parts, _) => parts[2].scalar(),
        }
    }

    fn evaluate(&self, variables: &dyn Fn(Scalar, usize) -> Value) -> Value {
        match self {
            Self::Variable(scalar, which) => variables(*scalar, *which),
            Self::Literal(value) => *value,
            Self::Binary(symbol, a, b) => {
                a.evaluate(variables).binary(symbol, b.evaluate(variables))
            }
            Self::Shift(symbol, a, amount) => {
                let (a, amount) = (a.evaluate(variables), amount.evaluate(variables));
                let (Value::Integer(a, scalar), Value::Integer(amount, _)) = (a, amount) else {
                    unreachable!("integers shift")
                };
                let amount = amount as u32 % scalar.bits();
                Value::integer(if *symbol == "<<" { a << amount } else { a >> amount }, scalar)
            }
            Self::Unary(symbol, value) => match (*symbol, value.evaluate(variables)) {
                ("-", Value::Integer(value, scalar)) => Value::integer(-value, scalar),
                (_, Value::Integer(value, scalar)) => Value::integer(!value, scalar),
                (_, Value::F32(value)) => Value::F32(-value),
                (_, Value::F64(value)) => Value::F64(-value),
            },
            Self::Cast(value, scalar) => value.evaluate(variables).cast(*scalar),
            Self::If(parts, symbol) => {
                let [a, b, then, otherwise] = &**parts;
                let holds = a.evaluate(variables).compare(symbol, b.evaluate(variables));
                if holds { then } else { otherwise }.evaluate(variables)
            }
        }
    }
}

impl Value {
    /// The integer, wrapped to its type.
    fn integer(value: i128, scalar: Scalar) -> Self {
        let wrapped = match scalar {
            U8 => value as u8 as i128,
            U16 => value as u16 as i128,
            U32 => value as u32 as i128,
            U64 => value as u64 as i128,
            I8 => value as i8 as i128,
            I16 => value as i16 as i128,
            I32 => value as i32 as i128,
            _ => value as i64 as i128,
        };
        Self::Integer(wrapped, scalar)
    }

    fn scalar(self) -> Scalar {
        match self {
            Self::Integer(_, scalar) => scalar,
            Self::F32(_) => F32,
            Self::F64(_) => F64,
        }
    }

    fn binary(self, symbol: &str, other: Self) -> Self {
        macro_rules! float {
            ($a:ident, $b:ident) => {
                match symbol {
                    "+" => $a + $b,
                    "-" => $a - $b,
                    "*" => $a * $b,
                    _ => $a / $b,
                }
            };
        }
        match (self, other) {
            (Self::F32(a), Self::F32(b)) => Self::F32(float!(a, b)),
            (Self::F64(a), Self::F64(b)) => Self::F64(float!(a, b)),
            (Self::Integer(a, scalar), Self::Integer(b, _)) => {
                let value = match symbol {
                    "+" => a + b,
                    "-" => a - b,
                    "*" => a.wrapping_mul(b),
                    "/" => a / (b | 1),
                    "%" => a % (b | 1),
                    "&" => a & b,
                    "|" => a | b,
                    "^" => a ^ b,
                    "min" => a.min(b),
                    _ => a.max(b),
                };
                Self::integer(value, scalar)
            }
            _ => unreachable!("operands have one type"),
        }
    }

    fn compare(self, symbol: &str, other: Self) -> bool {
        let order = match (self, other) {
            (Self::Integer(a, _), Self::Integer(b, _)) => Some(a.cmp(&b)),
            (Self::F32(a), Self::F32(b)) => a.partial_cmp(&b),
            (Self::F64(a), Self::F64(b)) => a.partial_cmp(&b),
            _ => unreachable!("operands have one type"),
        };
        match symbol {
            "<" => order.is_some_and(|order| order.is_lt()),
            ">=" => order.is_some_and(|order| order.is_ge()),
            "==" => order.is_some_and(|order| order.is_eq()),
            _ => !order.is_some_and(|order| order.is_eq()),
        }
    }

    fn cast(self, to: Scalar) -> Self {
        match (self, to) {
            (Self::Integer(value, _), F32) => Self::F32(value as f32),
            (Self::Integer(value, _), F64) => Self::F64(value as f64),
            (Self::Integer(value, _), to) => Self::integer(value, to),
            (Self::F32(value), F32) => Self::F32(value),
            (Self::F32(value), F64) => Self::F64(value.into()),
            (Self::F64(value), F32) => Self::F32(value as f32),
            (Self::F64(value), F64) => Self::F64(value),
            (Self::F32(value), to) => Self::F64(value.into()).cast(to),
            (Self::F64(value), to) => {
                let (low, high) = to.range().unwrap();
                Self::Integer((value as i128).clamp(low, high), to)
            }
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Integer(value, scalar) => value.to_le_bytes()[..scalar.bytes() as usize].into(),
            Self::F32(value) => value.to_le_bytes().into(),
            Self::F64(value) => value.to_le_bytes().into(),
        }
    }

    /// Whether the bytes are this value; every NaN is the same.
    fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::F32(value) if value.is_nan() => {
                f32::from_le_bytes(bytes.try_into().unwrap()).is_nan()
            }
            Self::F64(value) if value.is_nan() => {
                f64::from_le_bytes(bytes.try_into().unwrap()).is_nan()
            }
            _ => self.to_bytes() == bytes,
        }
    }
}

fn value(scalar: Scalar) -> BoxedStrategy<Value> {
    match scalar {
        F32 => prop_oneof![any::<f32>(), (-100i32..100).prop_map(|v| v as f32 / 4.0)]
            .prop_map(Value::F32)
            .boxed(),
        F64 => prop_oneof![any::<f64>(), (-100i32..100).prop_map(|v| v.into())]
            .prop_map(Value::F64)
            .boxed(),
        _ => prop_oneof![any::<i128>(), -3i128..20]
            .prop_map(move |value| Value::integer(value, scalar))
            .boxed(),
    }
}

fn tree(scalar: Scalar, depth: u32) -> BoxedStrategy<Tree> {
    let literal = value(scalar).prop_map(Tree::Literal);
    let leaf =
        prop_oneof![3 => (0..2usize).prop_map(move |i| Tree::Variable(scalar, i)), 1 => literal];
    if depth == 0 {
        return leaf.boxed();
    }
    let part = |scalar| tree(scalar, depth - 1);
    let boxed = |scalar| part(scalar).prop_map(Box::new);
    // Dividing the least integer by −1 is left out: its result is unspecified.
    let operators: &[&str] = match scalar {
        F32 | F64 => &["+", "-", "*", "/"],
        U8 | U16 | U32 | U64 => &["+", "-", "*", "/", "%", "&", "|", "^", "min", "max"],
        _ => &["+", "-", "*", "&", "|", "^", "min", "max"],
    };
    let binary = (prop::sample::select(operators), boxed(scalar), boxed(scalar))
        .prop_map(|(symbol, a, b)| Tree::Binary(symbol, a, b));
    let cast = prop::sample::select(&SCALARS[..])
        .prop_flat_map(move |from| tree(from, depth - 1))
        .prop_map(move |value| Tree::Cast(Box::new(value), scalar));
    let condition = prop::sample::select(&SCALARS[..])
        .prop_flat_map(move |of| (tree(of, depth - 1), tree(of, depth - 1)));
    let symbol = prop::sample::select(&["<", ">=", "==", "!="][..]);
    let branch = (condition, part(scalar), part(scalar), symbol)
        .prop_map(|((a, b), c, d, symbol)| Tree::If(Box::new([a, b, c, d]), symbol));
    let unary: &[&str] = match scalar {
        F32 | F64 => &["-"],
        U8 | U16 | U32 | U64 => &["!"],
        _ => &["-", "!"],
    };
    let unary = (prop::sample::select(unary), boxed(scalar))
        .prop_map(|(symbol, value)| Tree::Unary(symbol, value));
    if scalar.is_float() {
        return prop_oneof![1 => leaf, 4 => binary, 1 => cast, 1 => branch, 1 => unary].boxed();
    }
    let amount = (0..2usize).prop_map(|i| Box::new(Tree::Variable(U32, i)));
    let shift = (prop::sample::select(&["<<", ">>"][..]), boxed(scalar), amount)
        .prop_map(|(symbol, a, amount)| Tree::Shift(symbol, a, amount));
    prop_oneof![1 => leaf, 4 => binary, 1 => cast, 1 => branch, 1 => unary, 1 => shift].boxed()
}

/// A kernel that computes the expression of each thread's variables.
fn kernel(tree: &Tree) -> String {
    let parameters: Vec<String> =
        SCALARS.iter().map(|scalar| format!("p_{scalar}: *const {scalar}")).collect();
    let variables: Vec<String> = SCALARS
        .iter()
        .map(|s| format!("let a_{s} = p_{s}[2 * i]; let b_{s} = p_{s}[2 * i + 1];"))
        .collect();
    format!(
        "fn expression({}, result: *mut {}) {{ let i = thread_index.x; {} result[i] = {tree}; }}",
        parameters.join(", "),
        tree.scalar(),
        variables.join(" ")
    )
}

fn run(ptx: &str, values: &[Vec<Value>], result: usize) -> Vec<u8> {
    let mut device = Simulator::default();
    let mut buffers = Vec::new();
    for values in values {
        let bytes = values.iter().flat_map(|value| value.to_bytes()).collect();
        buffers.push(device.allocate("p", &Contents::Bytes(bytes)).unwrap());
    }
    buffers.push(device.allocate("result", &Contents::Uninit(result)).unwrap());
    let kernel = device.load(&Module::parse(ptx).unwrap(), None).unwrap();
    let arguments: Vec<Argument> =
        (0..buffers.len()).map(|buffer| Argument::Pointer { buffer, offset: 0 }).collect();
    let geometry = Geometry::new([1; 3], [THREADS as u32, 1, 1]);
    device.launch(kernel, &geometry, &buffers, &arguments).unwrap();
    device.read(buffers[SCALARS.len()]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn random_expressions(
        tree in prop::sample::select(&SCALARS[..]).prop_flat_map(|scalar| tree(scalar, 4)),
        values in SCALARS.map(|scalar| prop::collection::vec(value(scalar), 2 * THREADS)),
    ) {
        let ptx = compiled("sm_80", &kernel(&tree)).unwrap_or_else(|e| panic!("{tree}: {e:?}"));
        let size = tree.scalar().bytes() as usize;
        let found = run(&ptx, &values, size * THREADS);
        for (thread, found) in found.chunks(size).enumerate() {
            let variables = |scalar, which| {
                let index = SCALARS.iter().position(|s| *s == scalar).unwrap();
                values[index][2 * thread + which]
            };
            let expected = tree.evaluate(&variables);
            prop_assert!(expected.is(found), "{tree}\nthread {thread}: {found:?}, not {expected:?}");
        }
    }
}
