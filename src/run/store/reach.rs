//! What wiz can reach: installations and repositories as GitHub last described them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use crate::{
    ids::{BranchName, InstallationId, RepositoryId, RepositoryName, RunId},
    queue,
    run::task::Task,
};

/// Remembers the installation and the repository as a delivery describes them.
pub async fn remember_repository(
    connection: &mut PgConnection,
    installation: InstallationId,
    repository: RepositoryId,
    name: &RepositoryName,
    default_branch: &BranchName,
) -> Result<()> {
    sqlx::query!("insert into installation (id) values ($1) on conflict (id) do nothing", installation as _)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into repository (id, installation_id, name, default_branch) values ($1, $2, $3, $4)
         on conflict (id) do update
         set installation_id = excluded.installation_id, name = excluded.name,
             default_branch = excluded.default_branch, removed_at = null, updated_at = now()
         where (repository.installation_id, repository.name, repository.default_branch, repository.removed_at)
             is distinct from (excluded.installation_id, excluded.name, excluded.default_branch, null)",
        repository as _,
        installation as _,
        name as _,
        default_branch as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Since when the installation is suspended or removed, if it is.
pub async fn suspended_at(connection: &mut PgConnection, id: InstallationId) -> Result<Option<DateTime<Utc>>> {
    let at = sqlx::query_scalar!("select suspended_at from installation where id = $1", id as _)
        .fetch_optional(connection)
        .await?;
    Ok(at.flatten())
}

/// The installation's runs that some worker is or will be busy with, with their state entries.
pub async fn at_work(connection: &mut PgConnection, id: InstallationId) -> Result<Vec<(RunId, i32)>> {
    let rows = sqlx::query!(
        r#"select run.id as "id: RunId", seq
           from run join repository on repository.id = run.repository_id
           where repository.installation_id = $1
             and state in ('queued', 'planning', 'working', 'verifying', 'reviewing', 'publishing')
           order by run.id"#,
        id as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.seq)).collect())
}

/// Asks for a report of each run that changed while the installation was suspended and nothing could be shown.
pub async fn report_unseen(connection: &mut PgConnection, id: InstallationId) -> Result<()> {
    let unseen = sqlx::query!(
        r#"select run.id as "id: RunId", revision
           from run
           join repository on repository.id = run.repository_id
           join installation on installation.id = repository.installation_id
           where installation.id = $1 and run.updated_at >= installation.suspended_at"#,
        id as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    for run in unseen {
        let report = Task::Report { run: run.id, revision: run.revision };
        queue::enqueue(connection, &report.job(id, Duration::ZERO)?).await?;
    }
    Ok(())
}

/// Asks for a report of each run of which GitHub does not show the latest, as when it ended with an installation that is
/// gone: a check run in progress above all.
pub async fn report_unshown(connection: &mut PgConnection, id: InstallationId) -> Result<()> {
    let unshown = sqlx::query!(
        r#"select run.id as "id: RunId", revision
           from run
           join run_output on run_output.run_id = run.id
           join repository on repository.id = run.repository_id
           where repository.installation_id = $1 and repository.removed_at is null and shown_revision < revision
             and run.updated_at > now() - interval '7 days'
             and not exists (select from job where job.run_id = run.id and job.kind = 'report')"#,
        id as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    for run in unshown {
        let report = Task::Report { run: run.id, revision: run.revision };
        queue::enqueue(connection, &report.job(id, Duration::ZERO)?).await?;
    }
    Ok(())
}

/// Notes that an installation was suspended or removed, since now unless it was before, or that it is back.
pub async fn suspend(connection: &mut PgConnection, id: InstallationId, suspended: bool) -> Result<()> {
    sqlx::query!(
        "insert into installation as known (id, suspended_at) values ($1, case when $2 then now() end)
         on conflict (id) do update
         set suspended_at = case when $2 then coalesce(known.suspended_at, excluded.suspended_at) end",
        id as _,
        suspended,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An installation as GitHub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub id: InstallationId,
    pub account: Option<String>,
    /// What its owner has granted.
    pub permissions: BTreeMap<String, String>,
}

/// Remembers an installation that is there.
pub async fn remember_installation(connection: &mut PgConnection, installed: &Installed) -> Result<()> {
    sqlx::query!(
        "insert into installation as known (id, account_login, permissions) values ($1, $2, $3)
         on conflict (id) do update
         set account_login = coalesce(excluded.account_login, known.account_login),
             permissions = excluded.permissions, removed_at = null
         where (known.account_login, known.permissions, known.removed_at)
             is distinct from (coalesce(excluded.account_login, known.account_login), excluded.permissions, null)",
        installed.id as _,
        installed.account,
        Json(&installed.permissions) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an installation was removed, which includes being suspended.
pub async fn remove_installation(connection: &mut PgConnection, id: InstallationId) -> Result<()> {
    sqlx::query!(
        "update installation set removed_at = now(), suspended_at = coalesce(suspended_at, now()) where id = $1",
        id as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An installation as wiz knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownInstallation {
    pub id: InstallationId,
    pub suspended: bool,
}

/// The installations that were not removed as far as wiz knows.
pub async fn installations(connection: &mut PgConnection) -> Result<Vec<KnownInstallation>> {
    let rows = sqlx::query!(
        r#"select id as "id: InstallationId", suspended_at is not null as "suspended!"
           from installation where removed_at is null order by id"#,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| KnownInstallation { id: row.id, suspended: row.suspended }).collect())
}

/// What the owner of an installation has granted, if that is known.
pub async fn permissions(
    connection: &mut PgConnection,
    id: InstallationId,
) -> Result<Option<BTreeMap<String, String>>> {
    let granted = sqlx::query_scalar!(
        r#"select permissions as "permissions: Json<BTreeMap<String, String>>" from installation where id = $1"#,
        id as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(granted.flatten().map(|granted| granted.0))
}

/// What a description of a repository was told with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// What the installation reaches: the repository is there, whatever was known before.
    OfReach,
    /// Something else about the repository. It may be told late, so it brings nothing back that was taken away since.
    InPassing,
}

/// A repository as GitHub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub id: RepositoryId,
    pub installation: InstallationId,
    pub name: RepositoryName,
    /// Unknown where GitHub gives only the short form.
    pub default_branch: Option<BranchName>,
    /// Unknown where GitHub does not say.
    pub archived: Option<bool>,
    pub told: Told,
}

/// Brings a repository that wiz knows up to date; one that it does not know is none of its business yet. Answers whether
/// it is back: wiz could not write there before, and now it can.
pub async fn describe_repository(connection: &mut PgConnection, now: &Described) -> Result<bool> {
    sqlx::query!("insert into installation (id) values ($1) on conflict (id) do nothing", now.installation as _)
        .execute(&mut *connection)
        .await?;
    let is_back = sqlx::query_scalar!(
        r#"with before as (
               select repository.id, repository.removed_at is not null or archived or suspended_at is not null as was_away
               from repository join installation on installation.id = installation_id
               where repository.id = $1
               for update of repository
           )
           update repository
           set installation_id = case when $6 or removed_at is null then $2 else installation_id end, name = $3,
               default_branch = coalesce($4, default_branch), archived = coalesce($5, archived),
               removed_at = case when not $6 then removed_at end, updated_at = now()
           from before
           where repository.id = before.id
             and (installation_id, name, default_branch, archived, removed_at)
                 is distinct from (case when $6 or removed_at is null then $2 else installation_id end, $3,
                     coalesce($4, default_branch), coalesce($5, archived), case when not $6 then removed_at end)
           returning before.was_away and not archived and removed_at is null as "is_back!""#,
        now.id as _,
        now.installation as _,
        now.name as _,
        now.default_branch.as_ref() as _,
        now.archived,
        now.told == Told::OfReach,
    )
    .fetch_optional(connection)
    .await?;
    Ok(is_back.unwrap_or(false))
}

/// Asks for a report of each run that changed while nothing could be shown in its repository.
pub async fn report_unseen_in(connection: &mut PgConnection, id: RepositoryId) -> Result<()> {
    let unseen = sqlx::query!(
        r#"select run.id as "run: RunId", revision, repository.installation_id as "installation: InstallationId"
           from run
           join run_output on run_output.run_id = run.id
           join repository on repository.id = run.repository_id
           where repository.id = $1 and shown_revision < revision
           order by run.id"#,
        id as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in unseen {
        let report = Task::Report { run: row.run, revision: row.revision };
        queue::enqueue(connection, &report.job(row.installation, Duration::ZERO)?).await?;
    }
    Ok(())
}

/// Notes that a repository was deleted or taken from the installation. False when it belongs to another one by now: a
/// repository that moves is taken from one owner and given to the next, and the two may be told in any order.
pub async fn remove_repository(
    connection: &mut PgConnection,
    installation: InstallationId,
    id: RepositoryId,
) -> Result<bool> {
    let removed = sqlx::query!(
        "update repository set removed_at = coalesce(removed_at, now()) where id = $1 and installation_id = $2",
        id as _,
        installation as _,
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected() == 1)
}

/// Whether a repository was deleted, taken from wiz or archived.
pub async fn is_away(connection: &mut PgConnection, id: RepositoryId) -> Result<bool> {
    let is_away = sqlx::query_scalar!(
        r#"select removed_at is not null or archived as "is_away!" from repository where id = $1"#,
        id as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(is_away.unwrap_or(false))
}

/// Which installation reaches a repository now, as far as wiz knows, and what it is called; `None` for one that was never
/// heard of.
pub async fn home(connection: &mut PgConnection, id: RepositoryId) -> Result<Option<(InstallationId, RepositoryName)>> {
    let row = sqlx::query!(
        r#"select installation_id as "installation: InstallationId", name as "name: RepositoryName"
           from repository where id = $1"#,
        id as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.installation, row.name)))
}

/// The repositories of an installation that are there as far as wiz knows.
pub async fn repositories(connection: &mut PgConnection, id: InstallationId) -> Result<Vec<RepositoryId>> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id: RepositoryId" from repository
           where installation_id = $1 and removed_at is null order by id"#,
        id as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// The repositories that were deleted or taken away as far as wiz knows.
pub async fn removed(connection: &mut PgConnection) -> Result<Vec<RepositoryId>> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id: RepositoryId" from repository where removed_at is not null order by id"#
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// The open runs of a repository.
pub async fn open_in_repository(connection: &mut PgConnection, id: RepositoryId) -> Result<Vec<RunId>> {
    let runs = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where repository_id = $1 and state not in ('succeeded', 'failed', 'cancelled') order by id"#,
        id as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(runs)
}

/// The open runs of an installation.
pub async fn open_in_installation(connection: &mut PgConnection, id: InstallationId) -> Result<Vec<RunId>> {
    let runs = sqlx::query_scalar!(
        r#"select run.id as "id: RunId"
           from run join repository on repository.id = run.repository_id
           where repository.installation_id = $1 and state not in ('succeeded', 'failed', 'cancelled')
           order by run.id"#,
        id as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(runs)
}
