//! What a step may: give up everything before the shell starts, so that nothing it runs can get any of it back.
//!
//! Deliberately absent: system call filters; a step has no privilege, no network, and no user namespaces to
//! make any in.

use super::namespaces::{said, unshare};
use rustix::fs::{Gid, Uid};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socket_with};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};
use std::io::Write;

/// Who a step is inside its own user namespace.
pub(super) const INSIDE: u32 = 1000;
/// The largest file a step may write, in bytes.
const LARGEST_FILE: u64 = 16 << 30;
/// Processes and threads of one step.
const PROCESSES: u64 = 4096;
/// Files a process may have open.
const OPEN_FILES: u64 = 65536;

/// Maps `inside` to the user and group that this process had before it entered its user namespace.
pub(super) fn map_to(inside: u32, user: u32, group: u32) -> Result<(), String> {
    let write = |path: &'static str, text: String| {
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| format!("{path} cannot be written: {error}"))
    };
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{inside} {user} 1"))?;
    write("/proc/self/gid_map", format!("{inside} {group} 1"))
}

/// Brings up the loopback device of the new network namespace, which is all the network there is.
pub(super) fn raise_loopback() -> Result<(), String> {
    // struct nlmsghdr { len, type = RTM_NEWLINK, flags = REQUEST, seq, pid } and struct ifinfomsg { family, pad,
    // type, index = 1, flags = IFF_UP, change = IFF_UP }, each in the machine's byte order (rtnetlink(7)).
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(16_u16.to_ne_bytes());
    message.extend(1_u16.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    message.extend(1_i32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    // Protocol 0 is NETLINK_ROUTE.
    let kernel = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
        .map_err(said("no netlink"))?;
    send(&kernel, &message, SendFlags::empty()).map_err(said("the loopback device cannot be brought up"))?;
    Ok(())
}

/// Sets the limits of a step in namespaces.
pub(super) fn limit() -> Result<(), String> {
    set_limits(&[
        (Resource::Core, 0),
        (Resource::Fsize, LARGEST_FILE),
        (Resource::Nproc, PROCESSES),
        (Resource::Nofile, OPEN_FILES),
    ])
}

/// Sets the limits of a plain step: not the number of processes, since all the caller's would count; and rules out
/// new privileges.
pub(super) fn limit_plain() -> Result<(), String> {
    set_limits(&[(Resource::Core, 0), (Resource::Fsize, LARGEST_FILE), (Resource::Nofile, OPEN_FILES)])?;
    set_no_new_privs(true).map_err(said("privileges cannot be ruled out"))
}

fn set_limits(limits: &[(Resource, u64)]) -> Result<(), String> {
    for (resource, most) in limits.iter().copied() {
        // Never above what the caller may.
        let hard = rustix::process::getrlimit(resource).maximum;
        let most = hard.map_or(most, |hard| hard.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(said("a limit cannot be set"))?;
    }
    Ok(())
}

/// Becomes `owner`, then user 1000 of a user namespace in which no other can be made, without any capability.
pub(super) fn give_up(owner: Option<(u32, u32)>) -> Result<(), String> {
    if let Some((user, group)) = owner {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        set_thread_groups(&[]).map_err(said("the groups cannot be left"))?;
        set_thread_res_gid(group, group, group).map_err(said("the group cannot be changed"))?;
        set_thread_res_uid(user, user, user).map_err(said("the user cannot be changed"))?;
        // Changing the user made /proc/self root's, and the maps are written there.
        set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(said("/proc/self cannot be had"))?;
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    match unshare(UnshareFlags::NEWUSER) {
        Ok(()) => {
            map_to(INSIDE, user, group)?;
            std::fs::write("/proc/sys/user/max_user_namespaces", "0")
                .map_err(said("user namespaces cannot be switched off"))?;
        }
        // Some machines leave user namespaces to root, who has become nobody already: as tight, without the name.
        Err(_) if owner.is_some() => {}
        Err(errno) => return Err(format!("no user namespace of its own: {errno}")),
    }
    for bit in 0..64 {
        // Capabilities are numbered without gaps: the first that is refused is the first that the kernel does not know.
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    clear_ambient_capability_set().map_err(said("ambient capabilities cannot be cleared"))?;
    let nothing = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, nothing).map_err(said("capabilities cannot be given up"))?;
    set_no_new_privs(true).map_err(said("privileges cannot be ruled out"))?;
    // Process 1 belongs to the step's user by now: keep its memory and its socket from the step.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(said("process 1 cannot be shut off"))
}
