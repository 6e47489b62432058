//! The front of the room: picks the provider, books, calls, tries again.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use sqlx::PgPool;
use tokio::time::Instant;

use super::{
    AgentRole, CallContext, ModelError, ModelName, ModelRequest, ModelResponse, Pauses, Price, PriceTable, Provider,
    Spend,
    breaker::Breakers,
    http::{self, Endpoint},
    store::{self, Estimate, Outcome},
    wire,
};
use crate::{config::ModelConfig, ids::RunId, money::MicroDollars};

/// Longest time for one try; a full answer of a slow model takes minutes.
const TRY_TIMEOUT: Duration = Duration::from_secs(600);

/// Longest wait for a provider's word on a model, which takes it no thinking.
const LOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// All models wiz may use. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    inner: Arc<Inner>,
}

struct Inner {
    client: reqwest::Client,
    pool: PgPool,
    prices: PriceTable,
    anthropic: Option<Endpoint>,
    openai: Option<Endpoint>,
    default_model: ModelName,
    review_model: Option<ModelName>,
    breakers: Breakers,
    pauses: Pauses,
}

impl Models {
    /// Checks the models and prices the configuration names. Makes no call.
    ///
    /// A rustls provider must be installed as the process default before.
    pub fn new(config: &ModelConfig, pool: PgPool, pauses: Pauses) -> anyhow::Result<Self> {
        let own_prices = config
            .prices_file
            .as_ref()
            .map(|path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())))
            .transpose()?;
        let inner = Inner {
            client: http::client()?,
            pool,
            prices: PriceTable::new(own_prices.as_deref())?,
            anthropic: config.anthropic.as_ref().map(Endpoint::new),
            openai: config.openai.as_ref().map(Endpoint::new),
            default_model: config.default_model.parse()?,
            review_model: config.review_model.as_deref().map(str::parse).transpose()?,
            breakers: Breakers::default(),
            pauses,
        };
        for model in [Some(&inner.default_model), inner.review_model.as_ref()].into_iter().flatten() {
            inner.endpoint(model)?;
            inner.price(model)?;
        }
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The model for a role when neither the repository nor the command names one.
    pub fn model_for(&self, role: AgentRole) -> &ModelName {
        match role {
            AgentRole::Planner | AgentRole::Coder | AgentRole::Answerer => &self.inner.default_model,
            AgentRole::Reviewer => self.inner.review_model.as_ref().unwrap_or(&self.inner.default_model),
        }
    }

    /// Whether the model could be called: it has a key and a price. The text of the error is for the person who asked.
    pub fn check(&self, model: &ModelName) -> Result<Price, ModelError> {
        self.inner.endpoint(model)?;
        self.inner.price(model)
    }

    /// Asks the providers of the configured models whether they take the key and have the model, which costs nothing. Answers in
    /// words for people.
    pub async fn introduce(&self) -> Result<String, ModelError> {
        self.ready()?;
        let coder = self.model_for(AgentRole::Coder);
        let reviewer = Some(self.model_for(AgentRole::Reviewer)).filter(|reviewer| *reviewer != coder);
        let mut words = Vec::new();
        for model in std::iter::once(coder).chain(reviewer) {
            let endpoint = self.inner.endpoint(model)?;
            words.push(introduced(model, http::has_model(&self.inner.client, endpoint, model, LOOK_TIMEOUT).await?));
        }
        Ok(words.join("; "))
    }

    /// Whether the configured models can be called now: known, priced, and not left alone after failures. Makes no call,
    /// as a probe every few seconds must not cost money.
    pub fn ready(&self) -> Result<(), ModelError> {
        for model in [AgentRole::Coder, AgentRole::Reviewer].map(|role| self.model_for(role)) {
            self.check(model)?;
            if self.inner.breakers.is_open(model, Instant::now()) {
                return Err(left_alone(model));
            }
        }
        Ok(())
    }

    /// The most that `calls` calls would cost, each with this much input and output: for a quote in a plan.
    pub fn quote(
        &self,
        model: &ModelName,
        calls: u32,
        input_tokens: u64,
        output_tokens: u64,
    ) -> Result<MicroDollars, ModelError> {
        let one = self.inner.price(model)?.worst_cost(input_tokens, output_tokens);
        Ok(MicroDollars::new(one.get().saturating_mul(i64::from(calls))))
    }

    /// What the run has spent so far, reservations included.
    pub async fn spent(&self, run: RunId) -> Result<Spend, ModelError> {
        Ok(store::spent(&self.inner.pool, run).await?)
    }

    /// The run's cap on money.
    pub async fn budget(&self, run: RunId) -> Result<MicroDollars, ModelError> {
        Ok(store::budget(&self.inner.pool, run).await?)
    }

    /// Makes the call, trying again where that may help and the deadline allows. Every try is paid from the run's budget.
    pub async fn complete(&self, call: &CallContext<'_>, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.inner.attempt(call, request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let open = self.inner.breakers.is_open(&request.model, Instant::now());
            let pause = self.inner.pauses.after(&error, tries, rand::random()).filter(|_| !open);
            match pause.filter(|pause| Instant::now() + *pause < call.deadline) {
                Some(pause) => {
                    tracing::warn!(run = %call.run, model = %request.model, tries, %error, "model call failed, trying again");
                    tokio::time::sleep(pause).await;
                }
                None => return Err(error),
            }
        }
    }
}

impl Inner {
    fn endpoint(&self, model: &ModelName) -> Result<&Endpoint, ModelError> {
        let (endpoint, variable) = match model.provider {
            Provider::Anthropic => (&self.anthropic, "ANTHROPIC_API_KEY"),
            Provider::OpenAi | Provider::OpenAiChat => (&self.openai, "OPENAI_API_KEY"),
        };
        endpoint.as_ref().ok_or_else(|| ModelError::BadRequest { message: format!("{model} needs {variable}") })
    }

    fn price(&self, model: &ModelName) -> Result<Price, ModelError> {
        self.prices.get(model).ok_or_else(|| ModelError::BadRequest {
            message: format!(
                "the price of {model} is not known, so no budget can hold; add it to a file named by WIZ_PRICES_FILE \
                 (a local model: all prices 0)"
            ),
        })
    }

    /// One try: reserve, call, settle.
    async fn attempt(&self, call: &CallContext<'_>, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let (endpoint, price) = (self.endpoint(&request.model)?, self.price(&request.model)?);
        let started = Instant::now();
        let timeout = call.deadline.saturating_duration_since(started).min(TRY_TIMEOUT);
        if timeout.is_zero() {
            return Err(ModelError::Network { message: "the time for the call is over".into(), sent: false });
        }
        if !self.breakers.permits(&request.model, started) {
            return Err(left_alone(&request.model));
        }
        let mut request = request.clone();
        let estimate = Estimate {
            request_bytes: wire::encode(&request).to_string().len() as u64,
            max_output_tokens: request.max_output_tokens,
            price,
        };
        let reservation = store::reserve(&self.pool, call, &request.model, &estimate).await?;
        request.max_output_tokens = reservation.max_output_tokens;
        let (provider, body) = (request.model.provider, wire::encode(&request).to_string());
        let answer = http::post(&self.client, endpoint, provider, body, timeout).await;
        let answer = answer.and_then(|body| wire::decode(provider, &body));
        let outcome = match &answer {
            Ok(response) => Outcome::Used { usage: &response.usage, cost: price.cost(&response.usage) },
            Err(error) if error.may_be_billed() => Outcome::Unknown { error },
            Err(error) => Outcome::Free { error },
        };
        let healthy = answer.as_ref().err().is_none_or(|error| !error.counts_against_provider());
        self.breakers.record(&request.model, healthy, Instant::now());
        store::settle(&self.pool, &reservation, &outcome, started.elapsed()).await?;
        tracing::debug!(run = %call.run, step = call.step_key, turn = call.turn, model = %request.model, healthy, "model call");
        answer
    }
}

fn left_alone(model: &ModelName) -> ModelError {
    ModelError::Overloaded {
        message: format!("{model} failed several times within a minute and is left alone for a while"),
    }
}

/// What its provider says of a model: that it has it, or nothing, as few local ones tell of their models.
fn introduced(model: &ModelName, is_listed: bool) -> String {
    if is_listed {
        format!("{model}: its provider takes the key and has it")
    } else {
        format!("{model}: it has an address, a key and a price; its provider does not tell of models")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_introduced_with_what_its_provider_says() {
        let model = "openai-chat/qwen3".parse().unwrap();
        insta::assert_snapshot!([true, false].map(|listed| introduced(&model, listed)).join("\n"), @r"
        openai-chat/qwen3: its provider takes the key and has it
        openai-chat/qwen3: it has an address, a key and a price; its provider does not tell of models
        ");
    }
}
