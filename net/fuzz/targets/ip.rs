//! The IP stack takes any frames without a panic, keeps its budgets, and still answers ARP
//! afterwards.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use basalt_net::ip::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use basalt_net::ip::{Config, EthernetAddress, Ipv4Cidr, Stack, Tick};
use basalt_net::time::Instant;

/// A NIC that gives the fuzzer's frames and forgets what is sent, but counts it.
struct Nic {
    frames: VecDeque<Vec<u8>>,
    sent: usize,
}

struct Rx(Vec<u8>);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Tx<'a>(&'a mut usize);

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        *self.0 += 1;
        f(&mut vec![0; len])
    }
}

impl Device for Nic {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Tick) -> Option<(Rx, Tx<'_>)> {
        self.frames
            .pop_front()
            .map(|frame| (Rx(frame), Tx(&mut self.sent)))
    }

    fn transmit(&mut self, _: Tick) -> Option<Tx<'_>> {
        Some(Tx(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// The first byte chooses the addressing; then frames, each with its length in two bytes in front.
pub fn check(data: &[u8]) {
    let Some((&mode, mut rest)) = data.split_first() else {
        return;
    };
    let mac = EthernetAddress(MAC);
    let address = |prefix| Ipv4Cidr::new(Ipv4Addr::new(10, 0, 0, 1), prefix);
    let mut config = match mode % 3 {
        0 => Config::dhcp(mac),
        1 => Config::fixed(mac, address(24), Some(Ipv4Addr::new(10, 0, 0, 254))),
        _ => Config::fixed(mac, address(32), Some(Ipv4Addr::new(172, 31, 1, 1))),
    };
    config.limits.max_sockets = 4;
    config.limits.max_half_open = 2;
    config.limits.receive_buffer = 2048;
    config.limits.send_buffer = 2048;
    let mut stack = Stack::new(config, 7);
    stack.listen(977).expect("the port is free");
    let mut nic = Nic {
        frames: VecDeque::new(),
        sent: 0,
    };
    let (mut events, mut now) = (Vec::new(), Instant::from_millis(1));
    stack.poll(now, &mut nic, &mut events);
    while let [low, high, tail @ ..] = rest {
        let len = usize::from(u16::from_le_bytes([*low, *high]) % 1515).min(tail.len());
        let (frame, tail) = tail.split_at(len);
        rest = tail;
        nic.frames.push_back(frame.to_vec());
        now += core::time::Duration::from_millis(u64::from(mode));
        stack.poll(now, &mut nic, &mut events);
        assert!(stack.connections() <= 4);
    }
    for _ in 0..50 {
        now += core::time::Duration::from_secs(5);
        stack.poll(now, &mut nic, &mut events);
    }
    if mode % 3 != 0 {
        let before = nic.sent;
        nic.frames.push_back(who_has());
        stack.poll(now, &mut nic, &mut events);
        if mode % 3 == 1 {
            assert!(nic.sent > before, "ARP is still answered");
        }
    }
}

/// An ARP request for the stack's address by 10.0.0.2.
fn who_has() -> Vec<u8> {
    let sender = [2, 0, 0, 0, 0, 2];
    let mut frame = vec![0xff; 6];
    frame.extend(sender);
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame.extend(sender);
    frame.extend([10, 0, 0, 2]);
    frame.extend([0; 6]);
    frame.extend([10, 0, 0, 1]);
    frame
}
