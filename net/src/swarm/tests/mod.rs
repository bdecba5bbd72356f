//! Swarms talk to each other in memory, through buffers cut anywhere.

mod budgets;
mod connections;
mod delivery;
mod discovery;
mod net;
mod particles;
mod tls;

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

use self::net::{Net, address, keypair, particle, peer};
use super::*;
use crate::connection;
use crate::keypair::Keypair;
use crate::particle::Particle;
