//! A program that is nothing but a sandbox's processes: what the executor's tests start, since the test harness owns
//! their own `main`. The product's binary has the same call first thing in its `main`. Absent: everything else.

fn main() -> std::process::ExitCode {
    campaigns_runner::sandbox::entry();
    eprintln!("executor-sandbox runs steps for the tests of the executor; it has no use of its own");
    std::process::ExitCode::from(2)
}
