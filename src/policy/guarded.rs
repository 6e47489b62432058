//! Paths at which a person always looks, whatever a policy says: what changes data for good, what goes live, what runs
//! in CI, what guards the project, and wiz's own rules.

use std::fmt;

use super::changes::matching;

/// What kind of path it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guarded {
    OwnConfiguration,
    ContinuousIntegration,
    Security,
    Migration,
    Deployment,
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnConfiguration => "wiz's own configuration",
            Self::ContinuousIntegration => "a CI file",
            Self::Security => "a security file",
            Self::Migration => "a migration",
            Self::Deployment => "a deployment file",
        })
    }
}

const OWN_CONFIGURATION: [&str; 2] = [super::POLICY_PATH, super::ORGANISATION_POLICY_PATH];

const CONTINUOUS_INTEGRATION: [&str; 16] = [
    ".github/workflows/",
    ".github/actions/",
    ".gitlab-ci.yml",
    ".gitlab/",
    ".circleci/",
    ".buildkite/",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker.y*ml",
    ".woodpecker/",
    ".cirrus.yml",
    ".semaphore/",
    "azure-pipelines*.y*ml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile*",
    "appveyor.yml",
];

const SECURITY: [&str; 17] = [
    "**/CODEOWNERS",
    "**/SECURITY.md",
    ".github/dependabot.y*ml",
    ".github/codeql/",
    "**/.gitleaks.toml",
    "**/.trivyignore",
    "**/.npmrc",
    "**/.yarnrc*",
    "**/.pypirc",
    "**/.netrc",
    "**/.env",
    "**/.env.*",
    "**/.envrc",
    "**/secrets/",
    "**/*.pem",
    "**/*.key",
    "**/*.keystore",
];

const MIGRATION: [&str; 8] = [
    "**/migrations/",
    "**/migration/",
    "**/db/migrate/",
    "**/alembic/versions/",
    "**/flyway/",
    "**/liquibase/",
    "**/db/changelog/",
    "**/prisma/schema.prisma",
];

const DEPLOYMENT: [&str; 20] = [
    "deploy/",
    "release/",
    "**/deploy.sh",
    "**/release.sh",
    "**/fly.toml",
    "**/Procfile",
    "**/vercel.json",
    "**/netlify.toml",
    "**/render.yaml",
    "**/wrangler.toml",
    "**/serverless.y*ml",
    "**/skaffold.y*ml",
    "**/Chart.yaml",
    "**/helmfile.y*ml",
    "k8s/",
    "kubernetes/",
    "terraform/",
    "**/*.tf",
    "**/*.tfvars",
    "ansible/",
];

const LISTS: [(&[&str], Guarded); 5] = [
    (&OWN_CONFIGURATION, Guarded::OwnConfiguration),
    (&CONTINUOUS_INTEGRATION, Guarded::ContinuousIntegration),
    (&SECURITY, Guarded::Security),
    (&MIGRATION, Guarded::Migration),
    (&DEPLOYMENT, Guarded::Deployment),
];

/// The kind of a path at which a person always looks; none for any other path.
pub fn kind_of(path: &str) -> Option<Guarded> {
    LISTS.into_iter().find(|(patterns, _)| matching(patterns, path).is_some()).map(|(_, kind)| kind)
}

/// The rule by which a person always looks at this path, if one must.
pub fn pattern_of(path: &str) -> Option<&'static str> {
    LISTS.into_iter().find_map(|(patterns, _)| matching(patterns, path))
}
