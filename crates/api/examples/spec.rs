//! Prints the description.
#![allow(clippy::all)]
fn main() {
    match api::app::description() {
        Ok(d) => print!("{}", api::openapi::to_yaml(&d).unwrap()),
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1)
        }
    }
}
