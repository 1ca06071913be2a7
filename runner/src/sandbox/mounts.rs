//! What a step sees: a root of its own, made of the system's folders read-only, a private `/tmp` and `/home`, its
//! own `/proc`, five devices, and the repository at `/work`.
//!
//! Nothing of the caller's home, data or configuration is among it: `/etc` holds a short list of files that
//! programs need. Deliberately absent: overlays; what a step writes outside its folders fails with "Read-only
//! file system".

use super::Request;
use super::namespaces::said;
use super::privileges::INSIDE;
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Component, Path, PathBuf};

/// Where the repository is.
pub(super) const WORK: &str = "/work";

/// The system's folders; those that are links stay links.
const SYSTEM: [&str; 9] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store", "gnu/store"];
/// What programs need from `/etc`: loader, certificates, time zone, names of protocols, and the links and settings of
/// language runtimes. Nothing about this machine or its users.
const ETC: [&str; 22] = [
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "ssl/certs",
    "ssl/openssl.cnf",
    "ca-certificates",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
    "localtime",
    "timezone",
    "mime.types",
    "protocols",
    "services",
    "magic",
    "terminfo",
    "java-17-openjdk",
    "java-21-openjdk",
    "maven",
    "perl",
    "python3",
    "os-release",
];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Builds the root and moves into it. The inner error is the author's: a file that cannot be placed.
pub(super) fn build(request: &Request) -> Result<Result<(), String>, String> {
    let root = request.private.join("root");
    let mounts = mounts()?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(said("mounts cannot be kept apart"))?;
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", &root, "tmpfs", plain, Some(c"mode=0755,size=64m")).map_err(said("no root of its own"))?;
    system(&root, &mounts)?;
    etc(&root, &mounts)?;
    devices(&root)?;
    for (source, target) in [
        (request.tree.clone(), "work"),
        (request.private.join("tmp"), "tmp"),
        (request.private.join("home"), "home"),
    ] {
        let target = root.join(target);
        fs::create_dir(&target).map_err(said("no folder in the root"))?;
        mount_bind(&source, &target).map_err(said("the work folder cannot be mounted"))?;
        mount_remount(&target, MountFlags::BIND | plain | kept(&target)?, "")
            .map_err(said("the work folder cannot be mounted"))?;
    }
    let proc = root.join("proc");
    fs::create_dir(&proc).map_err(said("no folder in the root"))?;
    mount("proc", &proc, "proc", plain | MountFlags::NOEXEC, None).map_err(said("no /proc of its own"))?;
    let placed = place(request, &root);
    rustix::process::chdir(&root).map_err(said("the root cannot be entered"))?;
    rustix::process::pivot_root(".", ".").map_err(said("the root cannot be changed"))?;
    unmount(".", UnmountFlags::DETACH).map_err(said("the machine's files cannot be left"))?;
    rustix::process::chdir("/").map_err(said("the root cannot be entered"))?;
    mount_remount("/", MountFlags::BIND | MountFlags::RDONLY | plain, "")
        .map_err(said("the root cannot be made read-only"))?;
    Ok(placed)
}

fn system(root: &Path, mounts: &[PathBuf]) -> Result<(), String> {
    for name in SYSTEM {
        let source = Path::new("/").join(name);
        let Ok(about) = fs::symlink_metadata(&source) else { continue };
        let target = root.join(name);
        if about.is_symlink() {
            fs::read_link(&source)
                .and_then(|to| symlink(to, &target))
                .map_err(said("no link in the root"))?;
        } else if about.is_dir() {
            fs::create_dir_all(&target).map_err(said("no folder in the root"))?;
            read_only(&source, &target, mounts)?;
        }
    }
    Ok(())
}

/// Shows `source` at `target`, with every mount inside it, read-only. `mounts` are the machine's.
fn read_only(source: &Path, target: &Path, mounts: &[PathBuf]) -> Result<(), String> {
    mount_bind_recursive(source, target).map_err(said("a system folder cannot be mounted"))?;
    let below =
        mounts.iter().filter_map(|mount| mount.strip_prefix(source).ok()).map(|rest| target.join(rest));
    for place in std::iter::once(target.to_owned()).chain(below) {
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(&place, flags | kept(&place)?, "")
            .map_err(said("a system folder cannot be made read-only"))?;
    }
    Ok(())
}

/// Where something is mounted on this machine.
fn mounts() -> Result<Vec<PathBuf>, String> {
    let mut text = Vec::with_capacity(16 * 1024);
    fs::File::open("/proc/self/mountinfo")
        .and_then(|mut file| file.read_to_end(&mut text))
        .map_err(said("the mounts cannot be listed"))?;
    // The fifth field is the place. White space in it is escaped in octal (proc_pid_mountinfo(5)): such a place below a
    // system folder is not found under its escaped name, and the step is not run.
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect())
}

/// The flags that a mount has and that must be given again, since the kernel locks them.
fn kept(place: &Path) -> Result<MountFlags, String> {
    let has = statvfs(place).map_err(said("a mount cannot be looked at"))?.f_flag;
    let pairs = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
    ];
    Ok(pairs.into_iter().filter(|(flag, _)| has.contains(*flag)).map(|(_, flag)| flag).collect())
}

fn etc(root: &Path, mounts: &[PathBuf]) -> Result<(), String> {
    let etc = root.join("etc");
    fs::create_dir(&etc).map_err(said("no folder in the root"))?;
    for name in ETC {
        let (source, target) = (Path::new("/etc").join(name), etc.join(name));
        let Ok(about) = fs::symlink_metadata(&source) else { continue };
        if let Some(parent) = target.parent().filter(|parent| name.contains('/') && !parent.is_dir()) {
            fs::create_dir_all(parent).map_err(said("no folder in the root"))?;
        }
        if about.is_symlink() {
            fs::read_link(&source)
                .and_then(|to| symlink(to, &target))
                .map_err(said("no link in the root"))?;
        } else if about.is_dir() {
            fs::create_dir(&target).map_err(said("no folder in the root"))?;
            read_only(&source, &target, mounts)?;
        } else if about.is_file() {
            fs::copy(&source, &target).map_err(said("a file of /etc cannot be copied"))?;
        }
    }
    for (name, text) in [
        ("passwd", format!("root:x:0:0::/:/bin/sh\nstep:x:{INSIDE}:{INSIDE}::/home:/bin/sh\n")),
        ("group", format!("root:x:0:\nstep:x:{INSIDE}:\n")),
        ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n".to_owned()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
    ] {
        fs::write(etc.join(name), text).map_err(said("no file in the root"))?;
    }
    Ok(())
}

fn devices(root: &Path) -> Result<(), String> {
    let dev = root.join("dev");
    fs::create_dir(&dev).map_err(said("no folder in the root"))?;
    for name in DEVICES {
        let target = dev.join(name);
        fs::write(&target, "").map_err(said("no file in the root"))?;
        mount_bind(Path::new("/dev").join(name), &target).map_err(said("a device cannot be mounted"))?;
    }
    for (name, to) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{to}"), dev.join(name)).map_err(said("no link in the root"))?;
    }
    let shared = dev.join("shm");
    fs::create_dir(&shared).map_err(said("no folder in the root"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("tmpfs", &shared, "tmpfs", flags, Some(c"mode=1777,size=256m")).map_err(said("no shared memory"))
}

/// Writes the step's files. Everything below `root` is fresh and holds no link but the system's, whose folders are
/// refused.
fn place(request: &Request, root: &Path) -> Result<(), String> {
    for (path, text) in &request.files {
        let refused = |why: &str| format!("its file `{path}` {why}; use a path such as /tmp/name");
        let relative = Path::new(path).strip_prefix("/").map_err(|_| refused("is not an absolute path"))?;
        if path.contains('\0') || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(refused("has a part that is no name"));
        }
        let first = relative.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
        let own = ["work", "proc", "dev", "etc", "sys"].iter().chain(&SYSTEM);
        if own.into_iter().any(|name| name.split('/').next() == Some(first)) || relative == Path::new(first) {
            return Err(refused("is not in a folder of the step's own"));
        }
        let failed = |error: std::io::Error| refused(&format!("cannot be written ({error})"));
        let mut folder = root.to_owned();
        for part in relative.parent().into_iter().flat_map(Path::iter) {
            folder.push(part);
            if !folder.is_dir() {
                fs::create_dir(&folder).map_err(failed)?;
                give(&folder, request).map_err(failed)?;
            }
        }
        let target = root.join(relative);
        fs::write(&target, text).map_err(failed)?;
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        give(&target, request).map_err(failed)?;
    }
    Ok(())
}

fn give(path: &Path, request: &Request) -> std::io::Result<()> {
    match request.owner {
        Some((user, group)) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}
