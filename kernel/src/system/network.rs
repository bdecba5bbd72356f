//! The system core's loop.

use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::socket::dhcpv4;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr};

use super::compute::{Lane, Report};
use super::devices::Devices;
use crate::boot::Configuration;
use crate::cpu::{self, apic};
use crate::{entropy, time};

/// Longest sleep while a card cannot interrupt.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

static CORE_ID: AtomicU32 = AtomicU32::new(0);

/// APIC identifier of the core that runs the loop.
#[must_use]
pub fn core_id() -> u32 {
    CORE_ID.load(Ordering::Relaxed)
}

/// Runs the appliance for ever.
pub fn run(
    _configuration: Configuration,
    devices: Devices,
    mut lanes: Vec<Lane>,
    _image: u64,
) -> ! {
    CORE_ID.store(apic::id(), Ordering::Relaxed);
    let mut nic = devices.network;
    let now = || Instant::from_micros(time::since_entry().as_micros() as i64);
    let mut config = Config::new(EthernetAddress(nic.mac()).into());
    config.random_seed = u64::from_le_bytes(*entropy::seed_bytes().first_chunk().unwrap());
    let mut iface = Interface::new(config, &mut nic, now());
    let mut sockets = SocketSet::new(vec![]);
    let dhcp = sockets.add(dhcpv4::Socket::new());
    loop {
        let _ = iface.poll(now(), &mut nic, &mut sockets);
        if let Some(dhcpv4::Event::Configured(lease)) =
            sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll()
        {
            iface.update_ip_addrs(|addrs| {
                addrs.clear();
                let _ = addrs.push(IpCidr::Ipv4(lease.address));
            });
            if let Some(router) = lease.router {
                let _ = iface.routes_mut().add_default_ipv4_route(router);
            }
            ::log::info!(target: "net", "address {}", lease.address);
        }
        for lane in &mut lanes {
            while let Some(Report::SelfTest(report)) = lane.report() {
                ::log::info!(target: "cpu", "c{}: {report}", lane.core());
            }
        }
        if nic.has_received() {
            continue;
        }
        let moment = iface
            .poll_at(now(), &sockets)
            .map(|at| Duration::from_micros(at.total_micros() as u64));
        let limit = (!nic.interrupts()).then(|| time::since_entry() + POLL_INTERVAL);
        match moment.into_iter().chain(limit).min() {
            Some(moment) if moment <= time::since_entry() => continue,
            Some(moment) => apic::set_timer(moment),
            None => apic::clear_timer(),
        }
        cpu::idle();
    }
}
