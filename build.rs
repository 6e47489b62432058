//! Migrations are compiled in, and cargo cannot see that a new file belongs to them.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
