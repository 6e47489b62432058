//! Calls of the models room: money, tries, and what a dead process leaves behind.

use std::time::Duration;

use scripted_model::{Fault, ScriptedModel};
use tokio::{task::JoinSet, time::Instant};
use wiz::{
    ids::{InstallationId, RunId},
    llm::{AgentRole, Block, CallContext, Message, ModelError, ModelRequest, ModelResponse, Models, Speaker},
};
use wiz_demo::until;

use super::{Database, models, scripted};

const SAY_HELLO: &str = "
  - name: hello
    turns: [{ text: hello }]
";

fn hello(model: &str, max_output_tokens: u32) -> ModelRequest {
    ModelRequest {
        model: model.parse().unwrap(),
        system: "Be brief.".into(),
        messages: vec![Message { speaker: Speaker::User, blocks: vec![Block::text("Hello?")] }],
        tools: vec![],
        max_output_tokens,
    }
}

async fn call(
    models: &Models,
    run: RunId,
    step_key: &str,
    max_output_tokens: u32,
) -> Result<ModelResponse, ModelError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    call_until(models, run, step_key, max_output_tokens, deadline).await
}

async fn call_until(
    models: &Models,
    run: RunId,
    step_key: &str,
    max_output_tokens: u32,
    deadline: Instant,
) -> Result<ModelResponse, ModelError> {
    let call =
        CallContext { run, installation: InstallationId(1), role: AgentRole::Coder, step_key, turn: 1, deadline };
    models.complete(&call, &hello("anthropic/scripted", max_output_tokens)).await
}

fn statuses(server: &ScriptedModel) -> Vec<u16> {
    server.requests().iter().map(|request| request.status).collect()
}

#[tokio::test]
async fn concurrent_steps_cannot_promise_the_same_money() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    // 2,000 output tokens are 30,000 micro-dollars, the input a few hundred. Half answers are charged as estimated, so no
    // money comes back whatever the order: at most three calls at full length and one at what is then left.
    let run = database.run(100_000).await;
    server.fail_next(12, Fault::Truncated);
    let mut calls = JoinSet::new();
    for number in 0..12 {
        let models = models.clone();
        calls.spawn(async move { call(&models, run, &format!("work-{number}"), 2_000).await.unwrap_err() });
    }
    let refused = calls.join_all().await.iter().filter(|error| matches!(error, ModelError::Budget { .. })).count();
    let requests = server.requests();
    assert!((3..=4).contains(&requests.len()) && refused == 12 - requests.len(), "{refused} of 12 refused");
    let granted: i64 = requests.iter().map(|request| request.body["max_tokens"].as_i64().unwrap()).sum();
    let spend = models.spent(run).await.unwrap();
    assert!(granted * 15 <= spend.money.get() && spend.money.get() <= 100_000, "{granted} tokens, {spend:?}");
    database.drop().await;
}

#[tokio::test]
async fn the_output_limit_is_lowered_to_what_is_left() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(30_000).await;
    call(&models, run, "work-1", 50_000).await.unwrap();
    let granted = server.requests()[0].body["max_tokens"].as_u64().unwrap();
    assert!((1_000..2_000).contains(&granted), "{granted}");

    let poor = database.run(15_000).await;
    let refused = call(&models, poor, "work-1", 50_000).await.unwrap_err();
    assert!(matches!(refused, ModelError::Budget { .. }), "{refused:?}");
    assert_eq!((server.requests().len(), models.spent(poor).await.unwrap().calls), (1, 0));
    database.drop().await;
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_costs_nothing() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(1_000_000).await;
    server.fail_next(1, Fault::RateLimited { retry_after_s: 0 });
    server.fail_next(1, Fault::Overloaded);
    server.fail_next(1, Fault::Broken);
    let answer = call(&models, run, "work-1", 2_000).await.unwrap();
    assert_eq!(answer.blocks, [Block::text("hello")]);
    assert_eq!(statuses(&server), [429, 529, 500, 200]);
    let spend = models.spent(run).await.unwrap();
    assert_eq!((spend.calls, spend.estimated_calls, spend.reserved.get()), (4, 0, 0));
    let paid: Vec<(Option<String>, i64)> = sqlx::query_as("select error, micro_dollars from llm_call order by id")
        .fetch_all(&database.pool)
        .await
        .unwrap();
    assert!(paid[..3].iter().all(|(error, money)| error.is_some() && *money == 0), "{paid:?}");
    assert!(paid[3].0.is_none() && paid[3].1 > 0 && spend.money.get() == paid[3].1, "{paid:?}");

    server.fail_next(1, Fault::RateLimited { retry_after_s: 3_600 });
    let limited = call(&models, run, "work-1", 2_000).await.unwrap_err();
    assert!(matches!(limited, ModelError::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 3_600));
    assert_eq!(server.requests().len(), 5, "an hour is not waited for here");
    database.drop().await;
}

#[tokio::test]
async fn an_answer_without_usage_is_charged_as_estimated() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(1_000_000).await;
    server.fail_next(1, Fault::Truncated);
    let broken = call(&models, run, "work-1", 2_000).await.unwrap_err();
    assert!(matches!(broken, ModelError::Protocol { .. }), "{broken:?}");
    assert!(!broken.to_string().contains("hello"), "no model text in errors");
    let spend = models.spent(run).await.unwrap();
    assert!(spend.estimated_calls == 1 && spend.money.get() > 30_000, "{spend:?}");

    server.fail_next(1, Fault::Silent);
    let deadline = Instant::now() + Duration::from_millis(100);
    let silent = call_until(&models, run, "work-1", 2_000, deadline).await.unwrap_err();
    assert!(matches!(silent, ModelError::Network { sent: true, .. }), "{silent:?}");
    assert_eq!(models.spent(run).await.unwrap().estimated_calls, 2);
    database.drop().await;
}

#[tokio::test]
async fn a_reservation_of_a_dead_process_is_charged() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(1_000_000).await;
    server.fail_next(1, Fault::Silent);
    let asked =
        until(
            "the model was asked",
            Duration::from_secs(60),
            async || Ok((server.requests().len() == 1).then_some(())),
        );
    // Dropping the call is what the process's death does to it.
    tokio::select! {
        answered = call(&models, run, "work-1", 2_000) => panic!("the model is silent: {answered:?}"),
        asked = asked => asked.unwrap(),
    }
    let open = models.spent(run).await.unwrap();
    assert!(open.reserved.get() > 30_000 && open.money == open.reserved && open.estimated_calls == 0, "{open:?}");

    call(&models, run, "work-2", 2_000).await.unwrap();
    assert_eq!(models.spent(run).await.unwrap().reserved, open.reserved, "another session's call stays open");
    call(&models, run, "work-1", 2_000).await.unwrap();
    let after = models.spent(run).await.unwrap();
    assert!(after.reserved.get() == 0 && after.money > open.money && after.estimated_calls == 1, "{after:?}");
    database.drop().await;
}

#[tokio::test]
async fn a_failing_model_is_left_alone() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(1_000_000).await;
    models.ready().unwrap();
    server.fail_next(10, Fault::Overloaded);
    let failed = call(&models, run, "work-1", 2_000).await.unwrap_err();
    assert!(matches!(failed, ModelError::Overloaded { .. }));
    assert_eq!(server.requests().len(), 5, "five tries");
    let refused = call(&models, run, "work-1", 2_000).await.unwrap_err();
    insta::assert_snapshot!(refused, @"the model provider is overloaded: anthropic/scripted failed several times within a minute and is left alone for a while");
    assert_eq!(server.requests().len(), 5, "and no sixth");
    assert!(models.ready().is_err());
    database.drop().await;
}

#[tokio::test]
async fn a_model_without_key_or_price_is_refused_with_what_to_do() {
    let (database, server) = (Database::new().await, scripted(SAY_HELLO).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let refused = models.check(&"openai-chat/qwen3".parse().unwrap()).unwrap_err();
    insta::assert_snapshot!(refused, @"the model call was refused: the price of openai-chat/qwen3 is not known, so no budget can hold; add it to a file named by WIZ_PRICES_FILE (a local model: all prices 0)");
    assert!(models.check(&"openai/scripted".parse().unwrap()).is_ok());
    let quote = models.quote(&"openai/scripted".parse().unwrap(), 10, 20_000, 1_000).unwrap();
    assert_eq!(quote.to_string(), "$0.90");
    database.drop().await;
}

#[tokio::test]
async fn a_refused_request_is_not_repeated_and_costs_nothing() {
    let (database, server) = (
        Database::new().await,
        scripted("  - { name: other, when: { system: [nobody] }, turns: [{ text: x }] }").await,
    );
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(1_000_000).await;
    let refused = call(&models, run, "work-1", 2_000).await.unwrap_err();
    assert!(matches!(&refused, ModelError::BadRequest { message } if message.contains("no scene fits")), "{refused:?}");
    assert_eq!(server.faults(), ["/v1/messages: no scene fits this request"]);
    assert_eq!(models.spent(run).await.unwrap().money.get(), 0);
    database.drop().await;
}
