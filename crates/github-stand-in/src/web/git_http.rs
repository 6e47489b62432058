//! Clone, fetch and push over smart HTTP, by `git http-backend`.
//!
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation#about-authentication-as-a-github-app-installation>:
//! the user name is `x-access-token`, the password an installation token.

use std::process::Stdio;

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::{Response, StatusCode};
use tokio::io::AsyncWriteExt;

use super::plain;
use crate::auth::{Access, Caller, authorise, identify};
use crate::control::Control;
use crate::git::isolate;
use crate::rest::ApiRequest;
use crate::store::{Level, Role};

/// A git request.
#[derive(Debug)]
pub struct GitRequest {
    owner: String,
    name: String,
    service: String,
}

/// Is this path one of git's?
pub fn parse(path: &str) -> Option<GitRequest> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (owner, name, service) = (parts.next()?, parts.next()?, parts.next()?);
    let known = matches!(service, "info/refs" | "git-upload-pack" | "git-receive-pack");
    let name = name.strip_suffix(".git").unwrap_or(name).to_owned();
    known.then(|| GitRequest { owner: owner.to_owned(), name, service: service.to_owned() })
}

/// Serves one git request.
pub async fn serve(control: &Control, git: GitRequest, request: ApiRequest) -> Response<Body> {
    let pushing = git.service == "git-receive-pack" || request.query.contains("service=git-receive-pack");
    let level = if pushing { Level::Write } else { Level::Read };
    let admitted = control.engine().with(|state| {
        let header = request.headers.get("authorization").map(String::as_str);
        let caller = identify(state, header).map_err(|refusal| (refusal.status, refusal.message))?;
        let missing = || (404, "Repository not found.".to_owned());
        // git is led to a renamed repository too:
        // https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository
        let named = state.repository_by_name(&git.owner, &git.name).or_else(|| state.renamed(&git.owner, &git.name));
        let repository = named.ok_or_else(missing)?;
        if pushing && repository.archived {
            return Err((403, "This repository was archived so it is read-only.".to_owned()));
        }
        let role = if pushing { Role::Write } else { Role::Read };
        let access = Access::Repository { permissions: &["contents"], level, role };
        match authorise(state, &caller, repository, &access) {
            Ok(()) => Ok((repository.id, repository.git_dir.clone(), caller)),
            // git asks for a password only after a 401.
            Err(_) if caller == Caller::Anonymous => Err((401, "Requires authentication".to_owned())),
            Err(refusal) => Err((refusal.status, refusal.message)),
        }
    });
    let (repository, git_dir, caller) = match admitted {
        Ok(found) => found,
        Err((status, message)) => return refuse(status, &message),
    };
    let answer = backend(&git_dir, &git, &request).await;
    if git.service == "git-receive-pack"
        && let Some(actor) = caller.account()
    {
        let announced = control.engine().with(|state| crate::pushes::announce(state, repository, actor));
        if let Err(error) = announced {
            tracing::error!(error = format!("{error:#}"), "a push could not be announced");
        }
    }
    answer.unwrap_or_else(|error| {
        plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("git http-backend failed: {error:#}"))
    })
}

fn refuse(status: u16, message: &str) -> Response<Body> {
    let mut response = plain(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), message);
    if status == 401 {
        let value = axum::http::HeaderValue::from_static("Basic realm=\"GitHub\"");
        response.headers_mut().insert("www-authenticate", value);
    }
    response
}

/// Runs the CGI program that git brings along.
async fn backend(git_dir: &std::path::Path, git: &GitRequest, request: &ApiRequest) -> Result<Response<Body>> {
    let folder = git_dir.file_name().and_then(std::ffi::OsStr::to_str).context("the git directory has no name")?;
    let root = git_dir.parent().context("the git directory has no parent")?;
    let mut command = std::process::Command::new("git");
    isolate(&mut command);
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    command
        .arg("http-backend")
        .current_dir(git_dir)
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{folder}/{}", git.service))
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "x-access-token")
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().context("git does not start")?;
    let mut stdin = child.stdin.take().context("git has no stdin")?;
    let write = async {
        // A backend that refuses early closes its input; its answer says why.
        if let Err(error) = stdin.write_all(&request.body).await {
            tracing::debug!(%error, "git http-backend closed its input early");
        }
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    let output = output.context("git http-backend cannot be waited for")?;
    if !output.stderr.is_empty() {
        tracing::debug!(stderr = %String::from_utf8_lossy(&output.stderr), "git http-backend spoke");
    }
    parse_cgi(&output.stdout)
}

fn parse_cgi(output: &[u8]) -> Result<Response<Body>> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").context("no CGI headers")?;
    let mut builder = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(':').context("a malformed CGI header")?;
        if name.eq_ignore_ascii_case("status") {
            builder = builder.status(value.trim().split(' ').next().unwrap_or("500"));
        } else {
            builder = builder.header(name, value.trim());
        }
    }
    Ok(builder.body(Body::from(output[end + 4..].to_vec()))?)
}
