//! What processes keep in memory, by the kernel's own account.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// What `wiz serve` keeps in memory while it has nothing to do.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// The resident memory of wiz itself, in MiB.
    pub wiz: f64,
    /// The same with the processes of its private database. Their shared pages are counted once.
    pub with_database: f64,
}

/// Looks at wiz and at the private database under its data directory.
pub fn idle(wiz: u32, data_dir: &Path) -> Result<Idle> {
    let alone = resident_mib(wiz)?;
    let pid_file = fs::read_to_string(data_dir.join("postgres/cluster/postmaster.pid"))?;
    let server = pid_file.lines().next().and_then(|line| line.parse().ok()).context("a pid file without a pid")?;
    let mut with_database = alone;
    for process in family(server)? {
        with_database += kib(&format!("/proc/{process}/smaps_rollup"), "Pss:").unwrap_or_default() / 1024.0;
    }
    Ok(Idle { wiz: alone, with_database })
}

/// The resident memory of a process, in MiB.
pub fn resident_mib(process: u32) -> Result<f64> {
    Ok(kib(&format!("/proc/{process}/status"), "VmRSS:")? / 1024.0)
}

fn kib(path: &str, field: &str) -> Result<f64> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("{path} has no {field}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// A process and its children.
fn family(parent: u32) -> Result<Vec<u32>> {
    let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut family: Vec<u32> = processes.filter(|process| parent_of(*process) == Some(parent)).collect();
    family.push(parent);
    Ok(family)
}

/// None when the process has ended meanwhile.
fn parent_of(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_parent() {
        let own = std::process::id();
        assert!(resident_mib(own).unwrap() > 0.5);
        let parent = parent_of(own).unwrap();
        assert!(family(parent).unwrap().contains(&own));
    }
}
