//! How many files and sockets this process may have open, and how many of them are for peers.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What peers do not get: connections that were accepted in one turn, the operator's pages,
/// requests to the chain, for files and for services, name servers, listeners, the state file,
/// logs, and what the threads need.
const OTHERS: usize = 256;
/// The fewest that a node can work with.
const LEAST: usize = 64;

/// Raises the limit of open files as far as the system lets this process, and gives the number of
/// connections that peers may have with it.
pub fn for_peers() -> usize {
    let limit = raised(getrlimit(Resource::Nofile));
    if limit < LEAST + OTHERS {
        log::warn!(
            target: "files",
            "this process may have {limit} files open, too few for {LEAST} connections; raise the \
             limit (ulimit -n)"
        );
    }
    share(limit)
}

/// The limit in force after it was raised to the hard one.
fn raised(limit: Rlimit) -> usize {
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current =
        match limit.current == limit.maximum || setrlimit(Resource::Nofile, wanted).is_ok() {
            true => limit.maximum,
            false => limit.current,
        };
    current.map_or(usize::MAX, |current| {
        current.try_into().unwrap_or(usize::MAX)
    })
}

/// The part of all files that is for peers.
fn share(limit: usize) -> usize {
    limit.saturating_sub(OTHERS).max(LEAST / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use basalt_net::swarm::Limits;

    #[test]
    fn the_limit_is_raised_and_leaves_room_for_others() {
        let before = getrlimit(Resource::Nofile);
        let peers = for_peers();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.maximum, before.maximum);
        assert!(after.current.is_none() || after.current >= before.current);
        assert_eq!(after.current, after.maximum);
        let all = after.current.map_or(usize::MAX, |all| all as usize);
        assert!(peers < all);
    }

    #[test]
    fn at_the_usual_limit_no_address_locks_the_others_out() {
        let mut limits = Limits::default();
        limits.fit(share(1024));
        assert!(limits.max_connections + OTHERS <= 1024);
        assert!(limits.max_per_address < limits.max_connections / 2);
        assert!(limits.dial_places > 0 && limits.newcomer_places > 0);
        assert_eq!(share(usize::MAX), usize::MAX - OTHERS);
    }
}
