//! The pages: plain HTML without a script, and nothing on them that somebody else could have put there unescaped.

use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

use super::form::Asked;

pub(super) const WRONG_TOKEN: &str =
    "This page is for whoever started wiz setup: open the address that the terminal shows, token included.";
pub(super) const WRONG_STATE: &str = "This does not belong to a registration that was begun here within the last hour. Open \
                                      the address that the terminal shows and begin again.";
pub(super) const NO_CODE: &str = "GitHub sent no code. Open the address that the terminal shows and begin again.";
pub(super) const OLD_CODE: &str = "GitHub does not know this code: it is good for one hour and for one use. Delete the App \
                                   on GitHub if it was made, and begin again.";
pub(super) const NO_EXCHANGE: &str = "GitHub could not be asked for the App's key; the terminal shows why. Delete the App on \
                                      GitHub if it was made, and begin again.";

pub(super) const NO_ORIGIN: &str =
    "The browser does not say under which address it found this page. Start wiz setup again with --url.";
pub(super) const ELSEWHERE: &str = "There is only /setup here.";
pub(super) const NO_MANIFEST: &str = "The manifest cannot be made; the log knows why.";
pub(super) const OVER: &str = "This page is over: an App was registered already.";
pub(super) const NOT_KEPT: &str = "The App is registered, but its key could be kept nowhere; the terminal shows why. Delete \
                                   the App on GitHub and begin again.";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1f2328}\
                     label{display:block;margin:1rem 0 .25rem;font-weight:600}\
                     input{width:100%;padding:.5rem;border:1px solid #d1d9e0;border-radius:6px;font:inherit}\
                     small{color:#59636e}button{margin-top:1.5rem;padding:.5rem 1rem;border:0;border-radius:6px;\
                     background:#1f883d;color:#fff;font:inherit;font-weight:600;cursor:pointer}\
                     .fault{color:#d1242f}code{background:#f6f8fa;padding:.1rem .3rem;border-radius:4px}";

/// The form, with what was wrong about it.
pub(super) fn form(token: &str, asked: &Asked, faults: &[&str]) -> Response {
    let faults: String = faults.iter().map(|fault| format!("<p class=\"fault\">{}</p>", escape(fault))).collect();
    let field = |name: &str, label: &str, hint: &str, value: &str| {
        format!(
            "<label for=\"{name}\">{label}</label><input id=\"{name}\" name=\"{name}\" value=\"{}\"><small>{hint}</small>",
            escape(value)
        )
    };
    let fields = [
        field(
            "public_url",
            "Address of wiz",
            "Where GitHub reaches <code>wiz serve</code>, over HTTPS.",
            &asked.public_url,
        ),
        field("organisation", "Organisation", "Who shall own the App. Empty: your own account.", &asked.organisation),
        field(
            "server",
            "Enterprise server",
            "Such as https://github.example.com, or https://octo.ghe.com. Empty: GitHub.com.",
            &asked.server,
        ),
        field("name", "Name of the App", "Nobody else on that GitHub may have it.", &asked.name),
    ]
    .concat();
    let body = format!(
        "<p>wiz runs as a GitHub App of your own. This registers it.</p>{faults}<form method=\"post\" action=\"/setup\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">{fields}<button>Go on</button></form>",
        escape(token)
    );
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page(status, "Set up wiz", &body)
}

/// The button that leads to GitHub.
pub(super) fn send(address: &str, manifest: &str) -> Response {
    let body = format!(
        "<p>GitHub shows what the App may do and asks you to confirm; then it sends you back here.</p>\
         <form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"manifest\" value=\"{}\">\
         <button>Register the App on GitHub</button></form>",
        escape(address),
        escape(manifest)
    );
    page(StatusCode::OK, "Register the App", &body)
}

/// It is done.
pub(super) fn registered(name: &str, install: &str) -> Response {
    let body = format!(
        "<p><code>{}</code> is registered. The terminal says where its key is.</p><p><a href=\"{}\">Install it on your \
         repositories</a>, then run <code>wiz doctor</code> and <code>wiz serve</code>. You can close this page.</p>",
        escape(name),
        escape(install)
    );
    page(StatusCode::OK, "The App is registered", &body)
}

pub(super) fn refusal(status: StatusCode, reason: &str) -> Response {
    page(status, "This does not work", &format!("<p class=\"fault\">{}</p>", escape(reason)))
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1>{body}</html>"
    );
    let mut response = (status, Html(html)).into_response();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is to be read on a page, a line for each part.
    async fn words(response: Response) -> String {
        let status = response.status();
        let html = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap().replace(STYLE, "");
        let parts = html.split('<').filter_map(|part| part.split_once('>')).map(|(_, words)| words.trim());
        let parts: Vec<&str> = parts.filter(|words| !words.is_empty()).collect();
        format!("{status}: {}", parts.join(" | "))
    }

    #[tokio::test]
    async fn each_page_says_what_to_do() {
        let asked = Asked { name: "wiz <b>".to_owned(), ..Asked::default() };
        let none = asked.choice().unwrap_err();
        let pages = [form("secret", &asked, &none), send("https://github.com/x", "{}"), registered("wiz", "https://x")];
        let begun = [WRONG_TOKEN, WRONG_STATE, NO_CODE, OLD_CODE, NO_EXCHANGE, NO_ORIGIN];
        let ended = [ELSEWHERE, NO_MANIFEST, OVER, NOT_KEPT];
        let refusals = begun.into_iter().chain(ended).map(|reason| refusal(StatusCode::BAD_REQUEST, reason));
        let mut said = Vec::new();
        for page in pages.into_iter().chain(refusals) {
            said.push(words(page).await);
        }
        insta::assert_snapshot!(said.join("\n"), @r"
        422 Unprocessable Entity: Set up wiz | Set up wiz | wiz runs as a GitHub App of your own. This registers it. | wiz needs the address at which GitHub reaches it, such as https://wiz.example.com. | Address of wiz | Where GitHub reaches | wiz serve | , over HTTPS. | Organisation | Who shall own the App. Empty: your own account. | Enterprise server | Such as https://github.example.com, or https://octo.ghe.com. Empty: GitHub.com. | Name of the App | Nobody else on that GitHub may have it. | Go on
        200 OK: Register the App | Register the App | GitHub shows what the App may do and asks you to confirm; then it sends you back here. | Register the App on GitHub
        200 OK: The App is registered | The App is registered | wiz | is registered. The terminal says where its key is. | Install it on your repositories | , then run | wiz doctor | and | wiz serve | . You can close this page.
        400 Bad Request: This does not work | This does not work | This page is for whoever started wiz setup: open the address that the terminal shows, token included.
        400 Bad Request: This does not work | This does not work | This does not belong to a registration that was begun here within the last hour. Open the address that the terminal shows and begin again.
        400 Bad Request: This does not work | This does not work | GitHub sent no code. Open the address that the terminal shows and begin again.
        400 Bad Request: This does not work | This does not work | GitHub does not know this code: it is good for one hour and for one use. Delete the App on GitHub if it was made, and begin again.
        400 Bad Request: This does not work | This does not work | GitHub could not be asked for the App&#39;s key; the terminal shows why. Delete the App on GitHub if it was made, and begin again.
        400 Bad Request: This does not work | This does not work | The browser does not say under which address it found this page. Start wiz setup again with --url.
        400 Bad Request: This does not work | This does not work | There is only /setup here.
        400 Bad Request: This does not work | This does not work | The manifest cannot be made; the log knows why.
        400 Bad Request: This does not work | This does not work | This page is over: an App was registered already.
        400 Bad Request: This does not work | This does not work | The App is registered, but its key could be kept nowhere; the terminal shows why. Delete the App on GitHub and begin again.
        ");
    }

    #[test]
    fn nothing_stays_live() {
        assert_eq!(escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    }
}
