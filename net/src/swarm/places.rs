//! Who gives way when all places are taken: of the address with the most connections, the one that
//! has been idle for the longest. If each address has one, the idlest of all.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;

use super::conn_id::ConnId;
use basalt_terms::time::Instant;

/// How much a connection is used: those never used come first, then by the time of the last use.
pub(super) type Use = (bool, Instant);

/// Connections that may give way, by what counts as one machine.
#[derive(Debug, Default)]
pub(super) struct Places {
    conns: BTreeMap<ConnId, (IpAddr, Use)>,
    /// Each with its use as it was when it was last looked at, which may be long ago.
    machines: BTreeMap<IpAddr, BTreeSet<(Use, ConnId)>>,
    all: BTreeSet<(Use, ConnId)>,
    sizes: BTreeSet<(usize, IpAddr)>,
}

/// What counts as one machine: an IPv4 address or an IPv6 /64.
pub(super) fn machine(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let mut octets = ip.octets();
            octets[8..].fill(0);
            IpAddr::V6(octets.into())
        }
        ip => ip,
    }
}

impl Places {
    pub(super) fn add(&mut self, conn: ConnId, ip: IpAddr, used: Use) {
        let machine = machine(ip);
        self.conns.insert(conn, (machine, used));
        self.all.insert((used, conn));
        let conns = self.machines.entry(machine).or_default();
        self.sizes.remove(&(conns.len(), machine));
        conns.insert((used, conn));
        self.sizes.insert((conns.len(), machine));
    }

    pub(super) fn remove(&mut self, conn: ConnId) {
        let Some((machine, used)) = self.conns.remove(&conn) else {
            return;
        };
        self.all.remove(&(used, conn));
        let Some(conns) = self.machines.get_mut(&machine) else {
            return;
        };
        self.sizes.remove(&(conns.len(), machine));
        conns.remove(&(used, conn));
        match conns.len() {
            0 => drop(self.machines.remove(&machine)),
            len => drop(self.sizes.insert((len, machine))),
        }
    }

    /// The idlest connection of the machine with the most. `used` tells how much one is used now.
    pub(super) fn idlest(&mut self, used: impl Fn(ConnId) -> Use) -> Option<ConnId> {
        match *self.sizes.last()? {
            (1, _) => loop {
                let &first = self.all.first()?;
                if self.is_idle(first, &used) {
                    return Some(first.1);
                }
            },
            (_, machine) => self.idlest_of(machine, used),
        }
    }

    /// The idlest connection of one address.
    pub(super) fn idlest_of(&mut self, ip: IpAddr, used: impl Fn(ConnId) -> Use) -> Option<ConnId> {
        loop {
            let &first = self.machines.get(&machine(ip))?.first()?;
            if self.is_idle(first, &used) {
                return Some(first.1);
            }
        }
    }

    /// Whether a connection was not used since it was last looked at. If it was, it goes behind
    /// those that were not.
    fn is_idle(&mut self, (before, conn): (Use, ConnId), used: &impl Fn(ConnId) -> Use) -> bool {
        let now = used(conn);
        if now <= before {
            return true;
        }
        if let Some((machine, known)) = self.conns.get_mut(&conn) {
            *known = now;
            if let Some(conns) = self.machines.get_mut(machine) {
                conns.remove(&(before, conn));
                conns.insert((now, conn));
            }
        }
        self.all.remove(&(before, conn));
        self.all.insert((now, conn));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(millis: u64) -> Use {
        (true, Instant::from_millis(millis))
    }

    fn never(millis: u64) -> Use {
        (false, Instant::from_millis(millis))
    }

    #[test]
    fn the_idlest_of_the_machine_with_most_gives_way() {
        let mut places = Places::default();
        places.add(ConnId(1), A, never(1));
        for id in 2..6 {
            places.add(ConnId(id), B, never(id));
        }
        // 2 and 3 were used since, 3 first.
        let used = |conn| match conn {
            ConnId(2) => at(90),
            ConnId(3) => at(80),
            ConnId(id) => never(id),
        };
        let mut order = std::vec![];
        while let Some(conn) = places.idlest(used) {
            order.push(conn.0);
            places.remove(conn);
        }
        // In the end each has one: then the idlest goes, wherever it is.
        assert_eq!(order, [4, 5, 3, 1, 2]);
        assert!(places.conns.is_empty() && places.machines.is_empty());
        assert!(places.sizes.is_empty() && places.all.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_machine() {
        let mut places = Places::default();
        for id in 0..3 {
            let ip: IpAddr = std::format!("2001:db8::{id}").parse().unwrap();
            places.add(ConnId(id), ip, never(id));
        }
        let other: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        places.add(ConnId(9), other, never(0));
        let used = |conn: ConnId| never(conn.0);
        assert_eq!(places.idlest(used), Some(ConnId(0)));
        assert_eq!(places.idlest_of(other, |_| never(0)), Some(ConnId(9)));
        assert_eq!(places.idlest_of(A, used), None);
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(machine(mapped), A);
    }
}
