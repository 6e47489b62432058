//! The log of webhook deliveries, and what broke GitHub's description.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::View;
use super::layout::{page, time};
use crate::store::Delivery;

/// GitHub's page shows a screenful; so does this.
const SHOWN: usize = 200;

/// Newest deliveries first, then violations.
pub fn list(view: &View<'_>) -> Markup {
    let body = html! {
        h1 { "Webhook deliveries" }
        div.list {
            @for delivery in view.state.deliveries.iter().rev().take(SHOWN) { (row(delivery)) }
            @if view.state.deliveries.is_empty() { div.row { "None yet." } }
        }
        h2 { "Violations of GitHub's description" }
        div.list {
            @for violation in view.state.violations.iter().rev().take(SHOWN) {
                div.row { b { (format!("{:?}", violation.kind)) } code { (violation.subject) } span { (violation.detail) } }
            }
            @if view.state.violations.is_empty() { div.row { "None." } }
        }
    };
    page(view, "Deliveries", &body)
}

fn row(delivery: &Delivery) -> Markup {
    let good = (200..300).contains(&delivery.status_code);
    let class = if good { "good" } else { "bad" };
    html! {
        div.row {
            span class=(format!("mark {class}")) { (delivery.status_code) }
            a href=(format!("/_stand-in/deliveries/{}", delivery.id)) { code { (delivery.guid) } }
            b { (delivery.event) @if let Some(action) = &delivery.action { "." (action) } }
            @if delivery.redelivery { span.tag { "redelivery" } }
            span.dim { (time(delivery.delivered_at)) ", " (format!("{:.0} ms", delivery.duration_s * 1000.0)) }
        }
    }
}

/// One delivery with request and response.
pub fn one(view: &View<'_>, id: u64) -> Option<Markup> {
    let delivery = view.state.deliveries.iter().find(|delivery| delivery.id == id)?;
    let headers = |all: &BTreeMap<String, String>| {
        all.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
    };
    let body = html! {
        h1 { (delivery.event) @if let Some(action) = &delivery.action { "." (action) } " " span.number { (delivery.guid) } }
        p { (delivery.status) " " span.dim { (time(delivery.delivered_at)) ", to " code { (delivery.url) } } }
        form method="post" action="/_stand-in/act-as" {
            input type="hidden" name="redeliver" value=(delivery.id);
            button { "Redeliver" }
        }
        h2 { "Request" }
        pre { (headers(&delivery.request_headers)) }
        pre { (format!("{:#}", delivery.payload)) }
        h2 { "Response " (delivery.status_code) }
        pre { (headers(&delivery.response_headers)) }
        pre { (delivery.response_body) }
    };
    Some(page(view, "Delivery", &body))
}
