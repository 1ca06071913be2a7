//! Checks a database by the rules that must hold of its rows: `audit` for those that hold at any time, `audit --at-rest`
//! for those besides that hold once nothing is under way. What breaks one is printed, a line each, and the exit code is
//! 3. The database is the one that DATABASE_URL names, which may hold a password and is no argument for that reason.
//! Deliberately absent: mending anything.

use campaigns_runtime::{audit, config::DatabaseUrl};
use sqlx::{Connection as _, PgConnection};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let at_rest = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--at-rest"] => true,
        _ => {
            eprintln!("usage: DATABASE_URL=postgres://… audit [--at-rest]");
            return ExitCode::from(2);
        }
    };
    match check(at_rest).await {
        Ok(broken) => {
            broken.iter().for_each(|line| println!("{line}"));
            ExitCode::from(if broken.is_empty() { 0 } else { 3 })
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn check(at_rest: bool) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL names no database")?;
    let url: DatabaseUrl = url.parse()?;
    let mut connection = PgConnection::connect(url.expose()).await?;
    Ok(match at_rest {
        true => audit::at_rest(&mut connection).await?,
        false => audit::running(&mut connection).await?,
    })
}
