//! Runs the embedded server of a folder until it is told to stop: `embedded-postgres DIR` prints the address on
//! one line and waits for the end of its standard input or for a signal. For a look with psql at what a replica
//! wrote, and for the tests, which kill it. Absent: every option of the product.

use campaigns_runtime::embedded::EmbeddedPostgres;
use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: embedded-postgres DIR");
        return ExitCode::from(2);
    };
    match serve(dir.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(dir: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let postgres = EmbeddedPostgres::start(dir)?;
    println!("{}", postgres.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(postgres.stop()?)
}
