//! Swarms talk to each other in memory, through buffers cut anywhere.

mod budgets;
mod connections;
mod discovery;
mod net;
mod particles;
mod tls;

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use self::net::{Net, address, keypair, particle, peer};
use super::*;
