//! Builds the crate anew when a migration is added: the ones that are there are embedded, and a new file alone is
//! not a change of any source. Deliberately absent: everything else.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
