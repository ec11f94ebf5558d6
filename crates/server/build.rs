//! How the program is linked.

#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells a build script what it builds for by the environment alone"
)]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // What the loader has to adjust takes a twentieth of the file when it is listed one by one. A linker or a
    // C library that does not know the short form goes without.
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}"));
    if target("OS").as_deref() == Ok("linux") && target("ENV").as_deref() == Ok("gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
