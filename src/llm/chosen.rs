//! The model of a new run: nobody can name one that was not found to be usable.

use super::{AgentRole, ModelName, Models};

/// A model that can be called: it has a provider with a key, and a price. Without a name it is the server's own choice
/// for each role, which was found to be usable when the server began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenModel(Option<ModelName>);

impl ChosenModel {
    /// The server's own choice.
    pub fn usual() -> Self {
        Self(None)
    }

    /// The model, if one was named.
    pub fn name(&self) -> Option<&ModelName> {
        self.0.as_ref()
    }
}

/// A model was named that cannot be called here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model {wanted:?} cannot be used here")]
pub struct UnusableModel {
    pub wanted: String,
    /// What the server would choose.
    pub usual: ModelName,
}

impl Models {
    /// The model that somebody names, or the server's own choice if nobody names one.
    pub fn choose(&self, wanted: Option<&str>) -> Result<ChosenModel, UnusableModel> {
        let Some(wanted) = wanted else { return Ok(ChosenModel::usual()) };
        match wanted.parse::<ModelName>() {
            Ok(model) if self.check(&model).is_ok() => Ok(ChosenModel(Some(model))),
            Ok(_) | Err(_) => {
                let usual = self.model_for(AgentRole::Coder).clone();
                Err(UnusableModel { wanted: wanted.to_owned(), usual })
            }
        }
    }
}
