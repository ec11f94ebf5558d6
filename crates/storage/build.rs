//! Cargo follows the files that a macro has read, and so would not see a new migration.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
