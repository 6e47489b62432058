//! Several policy files as one: the server's, the organisation's over it, the repository's over both.
//!
//! What a file says replaces what the files below it say, key by key, with two exceptions. Lists that protect
//! (`protected_paths`, the rules of `gate`) only grow. And a key that a file names in `locked` can only be made stricter
//! by the files above it: what would loosen it is not followed, and kept in [`Effective::overruled`] so that it is not
//! ignored in silence.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CiRules, Pattern, PolicyFile, RepositoryPolicy};

/// Whose file it is; later ones lie over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// No file: wiz's own default.
    BuiltIn,
    /// The operator's file.
    Server,
    /// `wiz.yml` in the account's repository `.github`.
    Organisation,
    /// `.github/wiz.yml` in the repository itself.
    Repository,
}

/// A key of the policy file whose value comes from some layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    Image,
    Setup,
    Checks,
    MinRole,
    Gate,
    BudgetRun,
    BudgetDay,
    ProtectedPaths,
    UnprotectedPaths,
    AllowedPaths,
    Model,
    Ci,
}

impl Key {
    /// Every key, in the order of the reference page.
    pub const ALL: [Self; 12] = [
        Self::Image,
        Self::Setup,
        Self::Checks,
        Self::MinRole,
        Self::Gate,
        Self::BudgetRun,
        Self::BudgetDay,
        Self::ProtectedPaths,
        Self::UnprotectedPaths,
        Self::AllowedPaths,
        Self::Model,
        Self::Ci,
    ];

    /// The key as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Setup => "setup",
            Self::Checks => "checks",
            Self::MinRole => "min_role",
            Self::Gate => "gate",
            Self::BudgetRun => "budget_run",
            Self::BudgetDay => "budget_day",
            Self::ProtectedPaths => "protected_paths",
            Self::UnprotectedPaths => "unprotected_paths",
            Self::AllowedPaths => "allowed_paths",
            Self::Model => "model",
            Self::Ci => "ci",
        }
    }
}

/// Something a file says that a lock below it forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overruled {
    pub key: Key,
    /// Whose value is not followed.
    pub said_by: Layer,
    /// Whose lock forbids it.
    pub locked_by: Layer,
}

/// The rules that hold, and where each comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    pub policy: RepositoryPolicy,
    /// Who had a say in a key's value; a key that is missing has wiz's own default.
    pub origins: BTreeMap<Key, BTreeSet<Layer>>,
    pub locked: BTreeMap<Key, Layer>,
    pub overruled: Vec<Overruled>,
    /// Who wrote rules of the gate: they stay when its default is replaced.
    gate_rules_from: BTreeSet<Layer>,
}

impl Effective {
    /// Whose word a key's value is.
    pub fn origins_of(&self, key: Key) -> Vec<Layer> {
        self.origins.get(&key).map_or_else(|| vec![Layer::BuiltIn], |layers| layers.iter().copied().collect())
    }
}

/// The files below a repository's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuterLayers {
    pub server: PolicyFile,
    pub organisation: PolicyFile,
}

/// The rules that hold for a repository with this file.
pub fn combine(outer: &OuterLayers, repository: PolicyFile) -> Effective {
    let mut effective = Effective {
        policy: RepositoryPolicy::default(),
        origins: BTreeMap::new(),
        locked: BTreeMap::new(),
        overruled: vec![],
        gate_rules_from: BTreeSet::new(),
    };
    for (layer, file) in [
        (Layer::Server, outer.server.clone()),
        (Layer::Organisation, outer.organisation.clone()),
        (Layer::Repository, repository),
    ] {
        let locks = file.locked.clone().unwrap_or_default();
        effective.take(layer, file);
        for key in locks {
            effective.locked.entry(key).or_insert(layer);
        }
    }
    effective
}

impl Effective {
    fn take(&mut self, layer: Layer, file: PolicyFile) {
        let same = |new: &Option<String>, old: &Option<String>| new == old;
        self.scalar((Key::Image, layer), file.image.map(Some), |policy| &mut policy.image, same);
        self.scalar((Key::Model, layer), file.model.map(Some), |policy| &mut policy.model, same);
        self.scalar((Key::MinRole, layer), file.min_role, |policy| &mut policy.min_role, |new, old| new >= old);
        self.scalar((Key::BudgetRun, layer), file.budget_run, |policy| &mut policy.budget_run, |new, old| new <= old);
        self.scalar((Key::BudgetDay, layer), file.budget_day, |policy| &mut policy.budget_day, |new, old| new <= old);
        self.scalar((Key::Ci, layer), file.ci, |policy| &mut policy.ci, CiRules::is_as_strict);
        if let Some(gate) = file.gate {
            self.scalar((Key::Gate, layer), gate.default, |policy| &mut policy.gate, |new, old| new >= old);
            self.gate_rules_from.extend((!gate.rules.is_empty()).then_some(layer));
            self.origins.entry(Key::Gate).or_default().extend(&self.gate_rules_from);
            self.policy.gate_rules.extend(gate.rules);
        }
        if let Some(setup) = file.setup {
            let before = self.list_base((Key::Setup, layer), |policy| &mut policy.setup);
            self.policy.setup = [before, setup].concat();
        }
        if let Some(checks) = file.checks {
            let before = self.list_base((Key::Checks, layer), |policy| &mut policy.checks);
            let is_taken = |name: &str| before.iter().any(|check| check.name == name);
            let (taken, free): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| is_taken(&check.name));
            if taken.iter().any(|check| !before.contains(check)) {
                self.overrule(Key::Checks, layer);
            }
            self.policy.checks = [before, free].concat();
        }
        if let Some(schedules) = file.schedules {
            self.policy.schedules = schedules;
        }
        if let Some(triggers) = file.triggers {
            self.policy.triggers = triggers;
        }
        if let Some(paths) = file.protected_paths {
            let new = paths.into_iter().filter(|path| !self.policy.protected_paths.contains(path)).collect::<Vec<_>>();
            self.policy.protected_paths.extend(new);
            self.origins.entry(Key::ProtectedPaths).or_default().insert(layer);
        }
        if let Some(paths) = file.unprotected_paths {
            self.free(layer, paths);
        }
        if let Some(paths) = file.allowed_paths {
            self.allow(layer, paths);
        }
    }

    /// A single value: the layer's own replaces the one below, unless it is locked and would become laxer.
    fn scalar<T: PartialEq>(
        &mut self,
        (key, layer): (Key, Layer),
        value: Option<T>,
        place: fn(&mut RepositoryPolicy) -> &mut T,
        is_as_strict: impl Fn(&T, &T) -> bool,
    ) {
        let Some(value) = value else { return };
        let current = place(&mut self.policy);
        if self.locked.contains_key(&key) && !is_as_strict(&value, current) {
            self.overrule(key, layer);
            return;
        }
        *current = value;
        self.origins.insert(key, BTreeSet::from([layer]));
    }

    /// What a layer's list of work to do comes after: nothing, or the locked list below it.
    fn list_base<T>(&mut self, (key, layer): (Key, Layer), list: fn(&mut RepositoryPolicy) -> &mut Vec<T>) -> Vec<T> {
        let before = std::mem::take(list(&mut self.policy));
        let origins = self.origins.entry(key).or_default();
        if self.locked.contains_key(&key) {
            origins.insert(layer);
            return before;
        }
        *origins = BTreeSet::from([layer]);
        Vec::new()
    }

    /// Takes paths out of the built-in protection; under a lock only those that were out of it already.
    fn free(&mut self, layer: Layer, mut paths: Vec<Pattern>) {
        if self.locked.contains_key(&Key::UnprotectedPaths) {
            let wanted = paths.len();
            paths.retain(|path| self.policy.unprotected_paths.contains(path));
            if paths.len() < wanted {
                self.overrule(Key::UnprotectedPaths, layer);
            }
        }
        self.policy.unprotected_paths = paths;
        self.origins.insert(Key::UnprotectedPaths, BTreeSet::from([layer]));
    }

    /// Sets the only paths that may change; under a lock they must lie in the locked ones too.
    fn allow(&mut self, layer: Layer, paths: Vec<Pattern>) {
        let before = std::mem::replace(&mut self.policy.allowed_paths, paths);
        let origins = self.origins.entry(Key::AllowedPaths).or_default();
        if !self.locked.contains_key(&Key::AllowedPaths) || before.is_empty() {
            *origins = BTreeSet::from([layer]);
            return;
        }
        origins.insert(layer);
        if self.policy.allowed_paths.is_empty() {
            // An empty list would allow everything.
            self.policy.allowed_paths = before;
            self.overrule(Key::AllowedPaths, layer);
        } else {
            self.policy.allowed_within.push(before);
        }
    }

    fn overrule(&mut self, key: Key, said_by: Layer) {
        let locked_by = self.locked.get(&key).copied().unwrap_or(Layer::BuiltIn);
        self.overruled.push(Overruled { key, said_by, locked_by });
    }
}
