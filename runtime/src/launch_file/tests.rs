use super::*;
use crate::device::{Argument, Contents};
use crate::npy::{self, Array, ElementType};
use crate::tensor_map::Swizzle;
use crate::{DType, Value};
use proptest::prelude::*;

/// A launch file that uses every key.
const FULL: &str = r#"{
  "ptx": "kernel.ptx", "entry": "attn",
  "grid": [2, 2, 1], "block": [128, 1, 1], "cluster": [2, 1, 1], "dynamic_shared": 32768,
  "buffers": {
    "q": {"npy": "q.npy", "dtype": "bf16"},
    "o": {"shape": [2, 3], "dtype": "f32", "fill": "nan"},
    "w": {"shape": [4], "dtype": "i32", "fill": "uninit"},
    "z": {"shape": [4], "dtype": "u8", "fill": 7}
  },
  "params": [
    {"pointer": "q", "offset": 2},
    {"tensor_map": {
      "buffer": "q", "offset": 0, "dtype": "bf16", "shape": [64, 512], "strides": [128],
      "box": [64, 128], "element_strides": [1, 1], "swizzle": "128B", "interleave": "none",
      "oob_fill": "zeros", "l2_promotion": "none"}},
    {"f32": 0.1}, {"i32": -256}, {"u32": 1}, {"i64": 64}, {"u64": 18446744073709551615},
    {"bytes": "00ff00ff0011223344556677", "pointers": [{"at": 4, "pointer": "o", "offset": 4}]}
  ],
  "expect": {"o": {"npy": "expect_o.npy", "atol": 5e-3, "rtol": 5e-3}}
}"#;

fn parse(text: &str) -> Result<LaunchFile, Error> {
    LaunchFile::parse(text, Path::new("launch.json"))
}

/// Checks the error of [`FULL`] with one part of it replaced.
fn check(part: &str, replacement: &str, expected: &str) {
    assert_eq!(FULL.matches(part).count(), 1, "{part}");
    let found = match parse(&FULL.replace(part, replacement)) {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(found.starts_with("launch.json") && found.contains(expected), "{replacement}: {found}");
}

#[test]
fn what_is_written_is_read_back() {
    let file = parse(FULL).unwrap();
    assert_eq!(file.buffers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["q", "o", "w", "z"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("launch.json");
    file.write(&path).unwrap();
    assert_eq!(LaunchFile::read(&path).unwrap(), file);
}

#[test]
fn what_may_be_left_out() {
    let file = parse(r#"{"ptx": "k.ptx", "grid": [1, 1, 1], "block": [32, 1, 1]}"#).unwrap();
    assert_eq!((file.cluster, file.dynamic_shared, file.entry), ([1; 3], 0, None));
    let text =
        r#"{"buffer": "q", "dtype": "e4m3", "shape": [64, 8], "strides": [64], "box": [64, 8]}"#;
    let tensor: TensorMapParam = serde_json::from_str(text).unwrap();
    assert_eq!((tensor.offset, tensor.map.swizzle), (0, Swizzle::None));
    assert_eq!(tensor.map.element_strides, [1, 1]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    check(
        "\"entry\":",
        "\"entri\":",
        "launch.json:2:30: entri: unknown field `entri`, expected one of",
    );
    check("\"grid\": [2, 2, 1],", "", "missing field `grid`");
    check(
        "\"bf16\"},\n    \"o\"",
        "\"bf17\"},\n    \"o\"",
        "buffers.q.dtype: unknown variant `bf17`",
    );
    check("[2, 2, 1]", "[2, 2]", "grid: invalid length 2, expected an array of length 3");
    check("[2, 2, 1]", "[2, -2, 1]", "grid[1]: invalid value: integer `-2`, expected u32");
    check("\"fill\": 7", "\"fill\": \"zero\"", "expected \"nan\", \"uninit\" or a number");
    check("\"fill\": 7", "\"fill\": -7", "buffers.z.fill: u8 does not hold -7");
    check("\"fill\": 7", "\"fill\": \"nan\"", "u8 has no NaN");
    check("\"fill\": 7", "\"fill\": 7, \"npy\": \"a\"", "goes with neither");
    check(
        "\"w\": {\"shape\": [4],",
        "\"w\": {",
        "a buffer needs \"npy\", or \"shape\" and \"fill\"",
    );
    check("\"w\":", "\"q\":", "the name \"q\" comes twice");
    check("\"w\":", "\"../w\":", "a buffer's name is");
    check("{\"f32\": 0.1}", "{\"f33\": 0.1}", "params[2]");
    check("{\"f32\": 0.1}", "{}", "params[2]: a parameter needs one of \"pointer\"");
    check("{\"f32\": 0.1}", "{\"f32\": 0.1, \"i32\": 1}", "this is two of them");
    check("{\"f32\": 0.1}", "{\"f32\": 1e39}", "an f32 does not hold 1e39");
    check("{\"i32\": -256}", "{\"i32\": 2147483648}", "expected i32");
    check("{\"i32\": -256}", "{\"i32\": 1.5}", "expected i32");
    check("00ff00ff", "00ff00f", "an even number of hexadecimal digits");
    check("00ff00ff", "00ff00fg", "an even number of hexadecimal digits");
    check(
        "\"at\": 4",
        "\"at\": 5",
        "params[7].pointers[0].at: 8 bytes at 5 do not fit in 12 bytes",
    );
    check(
        "\"pointer\": \"q\"",
        "\"pointer\": \"p\"",
        "params[0].pointer: no buffer is called \"p\"",
    );
    check(
        "\"swizzle\": \"128B\"",
        "\"swizzle\": \"64B\"",
        "params[1].tensor_map: the innermost extent",
    );
    check("\"swizzle\": \"128B\"", "\"swizzle\": \"256B\"", "unknown variant `256B`");
    check(
        "\"expect\": {\"o\"",
        "\"expect\": {\"p\"",
        "expect.p: no buffer is called \"p\"; there are",
    );
    check("\"atol\": 5e-3", "\"atol\": -1", "expect.o.atol: a tolerance is a number from 0");
    check("\"q.npy\"", "\"/etc/passwd\"", "buffers.q.npy: a path is relative");
    check("[128, 1, 1]", "[1024, 2, 1]", "block: 1024 × 2 × 1 = 2048 threads, where 1024 are");
    check("[128, 1, 1]", "[0, 1, 1]", "block: x must be 1 to 1024, found 0");
    check("\"cluster\": [2, 1, 1]", "\"cluster\": [3, 1, 1]", "grid[0] is 2, no multiple");
    check("\"shape\": [2, 3]", "\"shape\": [65536, 131072]", "65536 × 131072 × 4 bytes exceed");
    check("\"shape\": [2, 3]", "\"shape\": [4294967296, 4294967296]", "bytes exceed");
    assert_eq!(parse("{").unwrap_err().to_string(), "launch.json:1:1: EOF while parsing an object");
    assert!(
        parse(&(FULL.to_owned() + "x")).unwrap_err().to_string().contains("trailing characters")
    );
    assert!(parse("[]").is_err() && parse("").is_err() && parse(&"[".repeat(9999)).is_err());
}

/// A folder with the files that [`FULL`] names, but for `change`.
fn load(change: impl FnOnce(&Path)) -> Result<Launch, Error> {
    let folder = tempfile::tempdir().unwrap();
    let array = |name: &str, kind, size, shape: &[usize]| {
        let bytes = vec![0; size * shape.iter().product::<usize>()];
        let array = Array { element: ElementType { kind, size }, shape: shape.into(), bytes };
        npy::write(&folder.path().join(name), &array).unwrap();
    };
    std::fs::write(folder.path().join("kernel.ptx"), "// PTX").unwrap();
    array("q.npy", 'u', 2, &[512, 64]);
    array("expect_o.npy", 'f', 8, &[2, 3]);
    let path = folder.path().join("launch.json");
    std::fs::write(&path, FULL).unwrap();
    change(folder.path());
    Launch::read(&path)
}

fn check_load(change: impl FnOnce(&Path), expected: &str) {
    let found = load(change).unwrap_err().to_string();
    assert!(found.contains(expected), "{found}");
}

#[test]
fn a_launch_is_loaded() {
    let launch = load(|_| ()).unwrap();
    assert_eq!(launch.ptx, "// PTX");
    assert_eq!(launch.buffers[0].shape, [512, 64]);
    assert_eq!(launch.arguments[0], Argument::Pointer { buffer: 0, offset: 2 });
    let sizes: Vec<usize> = launch.arguments.iter().map(Argument::size).collect();
    assert_eq!(sizes, [8, 128, 4, 4, 4, 8, 8, 12]);
    let Argument::Bytes { pointers, .. } = &launch.arguments[7] else { panic!() };
    assert_eq!(pointers, &[(4, 1, 4)]);
    let Contents::Bytes(nan) = &launch.buffers[1].contents else { panic!() };
    let Value::Float(first) = DType::F32.value(nan) else { panic!() };
    assert!(first.is_nan() && nan.len() == 24);
    assert!(matches!(launch.buffers[2].contents, Contents::Uninit(16)));
    let comparison = launch.expected[0].compare(&launch.buffers[1], nan);
    assert_eq!(comparison.mismatches, 6);
    assert!(launch.expected[0].compare(&launch.buffers[1], &[0; 24]).matches());
}

#[test]
fn files_that_are_not_what_the_launch_says() {
    let copy = |from: &'static str, to: &'static str| {
        move |folder: &Path| {
            std::fs::copy(folder.join(from), folder.join(to)).unwrap();
        }
    };
    check_load(|folder| std::fs::remove_file(folder.join("kernel.ptx")).unwrap(), "named by ptx");
    check_load(
        |folder| std::fs::remove_file(folder.join("q.npy")).unwrap(),
        "named by buffers.q.npy",
    );
    check_load(
        copy("expect_o.npy", "q.npy"),
        "a buffer of bf16 is stored as uint16, found float64",
    );
    check_load(copy("q.npy", "expect_o.npy"), "the buffer's shape is [2, 3], found [512, 64]");
    check_load(copy("kernel.ptx", "q.npy"), "it ends within its header");
    let binary = |folder: &Path| std::fs::write(folder.join("kernel.ptx"), b"a\n\xff").unwrap();
    check_load(binary, "line 2, byte 2 of the file is not UTF-8");
    let far = |folder: &Path| {
        let text = FULL.replace("\"offset\": 2", "\"offset\": 65537");
        std::fs::write(folder.join("launch.json"), text).unwrap();
    };
    check_load(far, "params[0].offset: byte 65537 is beyond the 65536 bytes of \"q\"");
    let crowded = |folder: &Path| {
        let text = FULL
            .replace("[2, 3]", "[1000000000]")
            .replace(
                "\"shape\": [4], \"dtype\": \"i32\"",
                "\"shape\": [1000000000], \"dtype\": \"i32\"",
            )
            .replace("\"f32\", \"fill\": \"nan\"", "\"f32\", \"fill\": \"uninit\"");
        std::fs::write(folder.join("launch.json"), text).unwrap();
    };
    check_load(crowded, "4000000000 bytes after 4000065536 of the buffers before exceed");
}

proptest! {
    /// Any text, and the full file with any one character changed, is read or refused.
    #[test]
    fn nothing_panics(text in "\\PC*", at in 0usize..1400, with in "[ -~]") {
        let _ = parse(&text);
        let at = at % FULL.len();
        let _ = parse(&(FULL[..at].to_owned() + &with + &FULL[at + 1..]));
    }
}
