//! The model that a new run works with, or what is said instead of starting it. Every way to a new run leads through here,
//! since nothing else makes a [`ChosenModel`] of what a policy or a person names.

use super::{Services, texts};
use crate::{llm::ChosenModel, policy::RepositoryPolicy};

/// The model that the command names, else the policy's, else the server's own.
pub(super) fn chosen(
    services: &Services,
    flag: Option<&str>,
    policy: &RepositoryPolicy,
) -> Result<ChosenModel, String> {
    let (wanted, refusal): (_, fn(&str, &str) -> String) = match flag {
        Some(flag) => (Some(flag), texts::unusable_model),
        None => (policy.model.as_deref(), texts::unusable_policy_model),
    };
    services.models.choose(wanted).map_err(|unusable| refusal(&unusable.wanted, &unusable.usual.to_string()))
}
