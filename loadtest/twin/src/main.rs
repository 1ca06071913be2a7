//! The `twin` program. Everything it does is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    campaigns_twin::command::main(std::env::args_os())
}
