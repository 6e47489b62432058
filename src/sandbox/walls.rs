//! Judges whether every wall of a box stands, from what the engine says and from what a process inside sees.
//!
//! Both must agree: an engine may accept an option and not apply it, and a process inside sees only its own side.

use wiz_runner::protocol::Surroundings;

use super::{
    SandboxError,
    spec::{COMMAND_UID, KEEPER_UID},
};

/// What the engine says a container is.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own as the engine tells it")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineFacts {
    pub running: bool,
    pub paused: bool,
    pub image: String,
    pub network_mode: String,
    pub networks: Vec<String>,
    pub privileged: bool,
    pub capabilities_dropped: Vec<String>,
    pub capabilities_added: Vec<String>,
    pub security_options: Vec<String>,
    pub read_only_root: bool,
    /// Namespaces shared with the host or other containers, as `kind=mode`.
    pub shared_namespaces: Vec<String>,
    pub devices: usize,
    pub binds: Vec<String>,
    /// `kind target access` of each mount, sorted.
    pub mounts: Vec<String>,
    pub memory_bytes: i64,
    pub swap_bytes: i64,
    pub processes: i64,
    pub log_driver: String,
    /// The OCI runtime that runs the container.
    pub runtime: String,
}

/// The mounts of a box as the engine lists them; the small memory file systems are not among them.
const ENGINE_MOUNTS: [&str; 2] = ["volume /opt/wiz ro", "volume /work rw"];

/// Where a box may have something mounted. The engine itself mounts three files of `/etc` to give a box its name.
const MOUNT_TARGETS: [&str; 11] = [
    "/",
    "/dev",
    "/dev/shm",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/home/agent",
    "/opt/wiz",
    "/run/wiz",
    "/tmp",
    "/work",
];

/// Fails with the first wall that does not stand. `runtime` is the one that was asked for.
pub fn judge(facts: &EngineFacts, inside: &Surroundings, runtime: Option<&str>) -> Result<(), SandboxError> {
    for (wall, evidence) in engine_walls(facts, runtime).into_iter().chain(inner_walls(inside)) {
        if let Some(evidence) = evidence {
            return Err(SandboxError::WallBroken { wall, evidence });
        }
    }
    Ok(())
}

type Finding = (&'static str, Option<String>);

fn engine_walls(facts: &EngineFacts, runtime: Option<&str>) -> Vec<Finding> {
    let unless = |holds: bool, evidence: String| (!holds).then_some(evidence);
    let all_dropped = facts.capabilities_dropped.iter().any(|name| name.eq_ignore_ascii_case("all"));
    let no_new_privileges = facts.security_options.iter().any(|option| option.starts_with("no-new-privileges"))
        && !facts.security_options.iter().any(|option| option.contains("unconfined"));
    let networks: Vec<_> = facts.networks.iter().filter(|name| *name != "none").collect();
    vec![
        ("running", unless(facts.running && !facts.paused, "the engine says it does not run".into())),
        (
            "network",
            unless(
                facts.network_mode == "none" && networks.is_empty(),
                format!("mode {:?}, networks {networks:?}", facts.network_mode),
            ),
        ),
        ("privileged", unless(!facts.privileged, "it is privileged".into())),
        (
            "capabilities",
            unless(all_dropped && facts.capabilities_added.is_empty(), format!("added {:?}", facts.capabilities_added)),
        ),
        ("no new privileges", unless(no_new_privileges, format!("options {:?}", facts.security_options))),
        ("read-only root", unless(facts.read_only_root, "the image's files can be written".into())),
        ("namespaces", unless(facts.shared_namespaces.is_empty(), format!("{:?}", facts.shared_namespaces))),
        ("devices", unless(facts.devices == 0, format!("{} devices", facts.devices))),
        (
            "mounts",
            unless(
                facts.binds.is_empty() && facts.mounts == ENGINE_MOUNTS,
                format!("binds {:?}, mounts {:?}", facts.binds, facts.mounts),
            ),
        ),
        ("memory", unless(facts.memory_bytes > 0 && facts.swap_bytes == 0, format!("{} bytes", facts.memory_bytes))),
        ("processes", unless(facts.processes > 0, format!("limit {}", facts.processes))),
        ("log", unless(facts.log_driver == "none", format!("driver {:?}", facts.log_driver))),
        ("runtime", unless(runtime.is_none_or(|wanted| wanted == facts.runtime), format!("it is {:?}", facts.runtime))),
    ]
}

fn inner_walls(inside: &Surroundings) -> Vec<Finding> {
    let nothing = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    let unless = |holds: bool, evidence: &str| (!holds).then(|| evidence.to_owned());
    let other_interfaces: Vec<String> = inside.interfaces.iter().filter(|name| *name != "lo").cloned().collect();
    let foreign_mounts: Vec<String> = inside.mounts.iter().filter(|mount| !is_expected(mount)).cloned().collect();
    let own_groups = inside.groups.iter().all(|group| *group == COMMAND_UID);
    vec![
        (
            "uid",
            (inside.uid != COMMAND_UID || inside.gid != COMMAND_UID || !own_groups || KEEPER_UID == COMMAND_UID)
                .then(|| format!("uid {}, gid {}, groups {:?}", inside.uid, inside.gid, inside.groups)),
        ),
        ("capabilities inside", nothing(&inside.capabilities)),
        ("no new privileges inside", unless(inside.no_new_privileges, "the kernel does not say so")),
        ("system call filter", unless(inside.seccomp, "there is none")),
        ("network inside", nothing(&other_interfaces)),
        ("routes", nothing(&inside.routes)),
        ("ways out", nothing(&inside.ways_out)),
        ("read-only root inside", nothing(&inside.writable)),
        ("mounts inside", nothing(&foreign_mounts)),
        ("runner's streams", unless(!inside.runner_exposed, "commands could open them")),
    ]
}

/// Whether a mount (`target kind options`) is one the box was given, and the root and the runner read-only.
fn is_expected(mount: &str) -> bool {
    let mut fields = mount.split(' ');
    let (target, _kind, options) = (fields.next(), fields.next(), fields.next().unwrap_or_default());
    let known = target.is_some_and(|target| MOUNT_TARGETS.contains(&target));
    let read_only = options.split(',').any(|option| option == "ro");
    known && (read_only || !matches!(target, Some("/" | "/opt/wiz")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> (EngineFacts, Surroundings) {
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let facts = EngineFacts {
            running: true,
            network_mode: "none".into(),
            networks: strings(&["none"]),
            capabilities_dropped: strings(&["ALL"]),
            security_options: strings(&["no-new-privileges"]),
            read_only_root: true,
            mounts: strings(&ENGINE_MOUNTS),
            memory_bytes: 1,
            processes: 256,
            log_driver: "none".into(),
            runtime: "runc".into(),
            ..EngineFacts::default()
        };
        let inside = Surroundings {
            uid: COMMAND_UID,
            gid: COMMAND_UID,
            groups: vec![COMMAND_UID],
            no_new_privileges: true,
            seccomp: true,
            interfaces: strings(&["lo"]),
            mounts: strings(&["/ overlay ro,relatime", "/work tmpfs rw", "/opt/wiz ext4 ro", "/etc/hosts ext4 rw"]),
            ..Surroundings::default()
        };
        (facts, inside)
    }

    type Breach = fn(&mut EngineFacts, &mut Surroundings);

    #[test]
    fn a_sound_box_passes() {
        let (facts, inside) = sound();
        assert_eq!(judge(&facts, &inside, None), Ok(()));
        assert_eq!(judge(&facts, &inside, Some("runc")), Ok(()));
    }

    #[test]
    fn every_single_breach_is_refused() {
        let breaches: [(&str, Breach); 27] = [
            ("running", |facts, _| facts.running = false),
            ("running", |facts, _| facts.paused = true),
            ("network", |facts, _| facts.network_mode = "bridge".into()),
            ("network", |facts, _| facts.networks.push("bridge".into())),
            ("privileged", |facts, _| facts.privileged = true),
            ("capabilities", |facts, _| facts.capabilities_dropped.clear()),
            ("capabilities", |facts, _| facts.capabilities_added.push("NET_RAW".into())),
            ("no new privileges", |facts, _| facts.security_options.clear()),
            ("no new privileges", |facts, _| facts.security_options.push("seccomp=unconfined".into())),
            ("read-only root", |facts, _| facts.read_only_root = false),
            ("namespaces", |facts, _| facts.shared_namespaces.push("pid=host".into())),
            ("devices", |facts, _| facts.devices = 1),
            ("mounts", |facts, _| facts.binds.push("/:/host".into())),
            ("mounts", |facts, _| facts.mounts.push("volume /var/lib/data rw".into())),
            ("memory", |facts, _| facts.memory_bytes = 0),
            ("memory", |facts, _| facts.swap_bytes = -1),
            ("processes", |facts, _| facts.processes = 0),
            ("log", |facts, _| facts.log_driver = "json-file".into()),
            ("uid", |_, inside| inside.uid = 0),
            ("uid", |_, inside| inside.groups.push(0)),
            ("capabilities inside", |_, inside| inside.capabilities.push("CapEff: 400".into())),
            ("no new privileges inside", |_, inside| inside.no_new_privileges = false),
            ("system call filter", |_, inside| inside.seccomp = false),
            ("network inside", |_, inside| inside.interfaces.push("eth0".into())),
            ("ways out", |_, inside| inside.ways_out.push("1.1.1.1:443".into())),
            ("read-only root inside", |_, inside| inside.writable.push("/etc".into())),
            ("runner's streams", |_, inside| inside.runner_exposed = true),
        ];
        for (wall, breach) in breaches {
            let (mut facts, mut inside) = sound();
            breach(&mut facts, &mut inside);
            let verdict = judge(&facts, &inside, None);
            assert!(
                matches!(verdict, Err(SandboxError::WallBroken { wall: broken, .. }) if broken == wall),
                "{wall}: {verdict:?}"
            );
        }
        for mount in
            ["/ overlay rw,relatime", "/host ext4 ro", "/var/run/docker.sock tmpfs rw", "/opt/wiz ext4 rw", "unknown"]
        {
            let (facts, mut inside) = sound();
            inside.mounts.push(mount.into());
            let verdict = judge(&facts, &inside, None);
            assert!(matches!(verdict, Err(SandboxError::WallBroken { wall: "mounts inside", .. })), "{mount}");
        }
        let (facts, inside) = sound();
        let verdict = judge(&facts, &inside, Some("runsc"));
        assert!(matches!(verdict, Err(SandboxError::WallBroken { wall: "runtime", .. })));
    }
}
