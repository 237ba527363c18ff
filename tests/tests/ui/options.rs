use tilewright::kernel;

#[kernel]
fn no_target() {}

#[kernel(target = "sm80")]
fn wrong_target() {}

#[kernel(target = "sm_81")]
fn no_such_target() {}

#[kernel(target = "sm_80", max_thread = 128)]
fn unknown_option() {}

#[kernel(target = "sm_80", max_threads = 2048)]
fn too_many() {}

#[kernel(target = "sm_80")]
struct NotAFunction;

fn main() {}
