//! Talks to models: three wires behind one request and one response type, paid from the run's budget.
//!
//! What it must never do: call a provider before the money for it is reserved, retry what a retry cannot mend, log a
//! key or a model's text.
//!
//! The way of the data: [`ModelRequest`] → `wire` (JSON of the provider) → reservation in `llm_call` → `http` → `wire`
//! back to [`ModelResponse`] → settlement in `llm_call`. Thinking blocks stay as the provider wrote them and go back
//! unchanged. Names to read first: [`Models::complete`], [`Block`], [`ModelError`].

mod breaker;
mod chosen;
mod error;
mod http;
mod message;
mod models;
mod price;
mod retry;
mod store;
mod wire;

pub use chosen::{ChosenModel, UnusableModel};
pub use error::ModelError;
pub use message::{
    AgentRole, Block, CallContext, Message, ModelName, ModelRequest, ModelResponse, Provider, Speaker, StopCause,
    ToolSpec, Usage,
};
pub use models::Models;
pub use price::{Price, PriceTable};
pub use retry::Pauses;
pub use store::Spend;
