//! The kernels of other compilers, printed back in the oldest PTX version that has all they need,
//! against NVIDIA's assembler.

use std::path::Path;
use std::process::Command;

use rayon::prelude::*;
use tilewright::ptx;
use tilewright::ptxas::Ptxas;

#[test]
fn what_is_printed_assembles_in_the_oldest_version() {
    let ptxas = match Ptxas::find() {
        Ok(ptxas) => ptxas,
        Err(error) => return eprintln!("NOT RUN: {error}"),
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus");
    let scratch = tempfile::tempdir().unwrap();
    let cases: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(cases.len() > 50, "the fixtures were not found");
    let assemble = |case: &std::path::PathBuf| -> Result<(), String> {
        let text = std::fs::read_to_string(case.join("kernel.ptx")).map_err(|e| e.to_string())?;
        let mut module = ptx::parse(&text).map_err(|e| e.to_string())?;
        module.version = module.least_version().map_err(|e| e.to_string())?;
        let checked = ptx::check(module).map_err(|e| e.to_string())?;
        let path = scratch.path().join(case.file_name().unwrap());
        std::fs::write(&path, ptx::print(&checked)).map_err(|e| e.to_string())?;
        // Not optimized, since only whether it assembles is asked.
        let output = Command::new(ptxas.path())
            .args(["-O0", "-arch", &checked.module().target.to_string()])
            .arg("-o")
            .arg(path.with_extension("cubin"))
            .arg(&path)
            .output()
            .map_err(|e| e.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    let wrong: Vec<String> = cases
        .par_iter()
        .filter_map(|case| assemble(case).err().map(|e| format!("{}: {e}", case.display())))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
