//! The frame of every page, and the small pieces they share.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::View;
use crate::store::{Account, AccountKind, State, TokenHolder};
use crate::web::markdown;

/// One stylesheet for all pages, in GitHub's light colours.
const STYLE: &str = include_str!("style.css");

/// A page.
pub fn page(view: &View<'_>, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    a.brand href="/" { "github-stand-in" }
                    a href="/_stand-in" { "Deliveries" }
                    span.grow {}
                    (actor_form(view))
                }
                main {
                    @if let Some(notice) = &view.notice { p.notice { (notice) } }
                    (body)
                }
            }
        }
    }
}

/// Everybody with a user token, so everybody who can act here.
pub fn people(state: &State) -> Vec<&Account> {
    let able = |account: &&Account| state.tokens.values().any(|token| token.holder == TokenHolder::User(account.id));
    state.accounts.values().filter(|account| account.kind == AccountKind::User).filter(able).collect()
}

fn actor_form(view: &View<'_>) -> Markup {
    html! {
        form.inline method="post" action="/_stand-in/act-as" {
            label for="login" { "Acting as" }
            select id="login" name="login" onchange="this.form.submit()" {
                @for account in people(view.state) {
                    option value=(account.login) selected[Some(account.id) == view.actor] { (account.login) }
                }
            }
            noscript { button { "Choose" } }
        }
    }
}

/// The page for what does not exist.
pub fn not_found() -> Markup {
    html! { (DOCTYPE) html lang="en" { head { title { "Not found" } style { (PreEscaped(STYLE)) } } body { main { h1 { "404" } p { "There is nothing here." } } } } }
}

/// Somebody's login, marked if it is a bot.
pub fn login(state: &State, account: u64) -> Markup {
    let name = state.login(account);
    html! {
        @if let Some(slug) = name.strip_suffix("[bot]") { b { (slug) } " " span.tag { "bot" } } @else { b { (name) } }
    }
}

/// A round initial in place of a picture.
pub fn avatar(state: &State, account: u64) -> Markup {
    let initial: String = state.login(account).chars().take(1).flat_map(char::to_uppercase).collect();
    let hue = account * 47 % 360;
    html! { span.avatar style=(format!("background:hsl({hue} 45% 45%)")) { (initial) } }
}

/// A point in time.
pub fn time(time: DateTime<Utc>) -> Markup {
    html! { time datetime=(crate::store::stamp(time)) { (time.format("%b %-d, %H:%M:%S").to_string()) } }
}

/// A box with somebody's words.
pub fn post(state: &State, who: (u64, &str), at: DateTime<Utc>, body: &str) -> Markup {
    let (account, did) = who;
    html! {
        div.entry {
            (avatar(state, account))
            div.box {
                div.head { (login(state, account)) " " (did) " " (time(at)) }
                div.text { @if body.trim().is_empty() { i { "No description provided." } } @else { (markdown(body)) } }
            }
        }
    }
}

/// Markdown, made harmless.
pub fn markdown(text: &str) -> Markup {
    PreEscaped(markdown::render(text))
}

/// The coloured mark of a check's or status's result.
pub fn result_mark(result: &str) -> Markup {
    let (class, sign) = match result {
        "success" => ("good", "✓"),
        "failure" | "error" | "timed_out" | "action_required" => ("bad", "✗"),
        "queued" | "in_progress" | "pending" => ("wait", "●"),
        _ => ("dim", "■"),
    };
    html! { span class=(format!("mark {class}")) title=(result) { (sign) } }
}
