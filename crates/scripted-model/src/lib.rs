#![doc = include_str!("../README.md")]

mod fault;
mod request;
mod script;
mod server;
mod wire;

pub use fault::Fault;
pub use request::{Seen, SeenMessage};
pub use script::{Call, Scene, Script, Turn, When};
pub use server::{Recorded, ScriptedModel};
pub use wire::Wire;
