//! Which lines of a module ptxas refuses.

use std::collections::BTreeMap;
use std::process::Command;

use tilewright::gpu::Target;
use tilewright::ptx::Version;
use tilewright::ptxas::Ptxas;

/// What stands before the instructions: registers and variables of every kind.
const BEFORE: &str = "\
.global .align 16 .b8 gv[64];
.shared .align 16 .b8 sv[64];
.const .align 16 .b8 cv[64];
.visible .entry instances(.param .u64 parameter)
{
.local .align 16 .b8 lv[64];
.param .align 16 .b8 argument[16];
targets: .branchtargets done;
.reg .pred %p<99>;
.reg .b8 %b<99>;
.reg .b16 %h<99>;
.reg .b32 %r<2000>;
.reg .b64 %d<2000>;
";

const AFTER: &str = "\
done:
ret;
}
";

/// Instructions of one module, and what came of each.
pub(crate) struct Assembler {
    ptxas: Ptxas,
    folder: tempfile::TempDir,
}

impl Assembler {
    /// The assembler, where ptxas is found.
    pub(crate) fn find() -> Option<Self> {
        match Ptxas::find() {
            Ok(ptxas) => Some(Self { ptxas, folder: tempfile::tempdir().unwrap() }),
            Err(error) => {
                eprintln!("NOT RUN: {error}");
                None
            }
        }
    }

    /// What ptxas has against each of `lines`, by index.
    pub(crate) fn refused(
        &self,
        version: Version,
        target: Target,
        lines: &[&str],
    ) -> BTreeMap<usize, String> {
        let mut lines: Vec<&str> = lines.to_vec();
        let mut refused = BTreeMap::new();
        // A mistake keeps ptxas from compiling what it has read, which takes long.
        lines.push("mov.u32 %r0, undeclared;");
        loop {
            let (text, first) = module(version, target, &lines);
            let path = self.folder.path().join(format!("{target}_{version}.ptx"));
            std::fs::write(&path, text).unwrap();
            let output = Command::new(self.ptxas.path())
                .args(["-O0", "-arch", &target.to_string(), "-o"])
                .args([self.folder.path().join(format!("{target}_{version}.cubin")), path])
                .output()
                .unwrap();
            let messages = String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout);
            let mut fatal = None;
            for message in messages.lines() {
                let Some((place, what)) = message.split_once("; ") else { continue };
                let Some(line) = place.rsplit("line ").next().and_then(|n| n.parse::<usize>().ok())
                else {
                    continue;
                };
                let Some(index) = line.checked_sub(first).filter(|i| *i < lines.len()) else {
                    continue;
                };
                if what.starts_with("error") || what.starts_with("fatal") {
                    refused.entry(index).or_insert_with(|| what.to_string());
                }
                if what.starts_with("fatal") {
                    fatal = Some(index);
                }
            }
            match fatal {
                // After this mistake nothing more was read.
                Some(index) if !lines[index].is_empty() => lines[index] = "",
                _ => {
                    assert!(refused.contains_key(&(lines.len() - 1)), "{target}: {messages}");
                    return refused;
                }
            }
        }
    }
}

/// The text of a module with these instructions, and the line of the first.
pub(crate) fn module(version: Version, target: Target, lines: &[&str]) -> (String, usize) {
    let wide =
        if target.sm >= 70 && version >= Version::new(8, 3) { ".reg .b128 %q<99>;\n" } else { "" };
    let before = format!(".version {version}\n.target {target}\n.address_size 64\n{BEFORE}{wide}");
    let first = before.lines().count() + 1;
    (format!("{before}{}\n{AFTER}", lines.join("\n")), first)
}
