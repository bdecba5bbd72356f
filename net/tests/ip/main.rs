//! `ip::Stack` on a simulated wire: two stacks, or one stack and a hand-made neighbour.

mod dhcp;
mod floods;
mod frames;
#[path = "../link/mod.rs"]
mod link;
mod names;
mod pair;
mod router;
mod tcp;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use basalt_net::ip::{
    Config, Configuration, Error, EthernetAddress, Event, Ipv4Address, Ipv4Cidr, QueryId, SocketId,
    Stack,
};
use basalt_net::time::Instant;
use frames::{arp_frame, ip_frame, syn_frame};
use link::{Faults, Link, PERFECT, Random};
use pair::{Pair, pattern};
use smoltcp::wire::*;

const MAC_A: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const MAC_B: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const A: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const B: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const PORT: u16 = 977;
const MAC_ROUTER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 9]);
