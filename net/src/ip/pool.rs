//! The memory of TCP's buffers. smoltcp cannot enlarge the buffers of a connection later, and the
//! window scale is agreed on in the handshake. So the first connections get large buffers from the
//! start and the next ones smaller ones. When a connection is over, its buffers serve the next.
//! Nothing is allocated per SYN, so a flood cannot use up memory.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::socket::tcp;

use super::clock::to_smoltcp;
use super::config::Limits;

/// A buffer takes one part in this many of what is left.
const SHARES: usize = 8;

pub(super) struct Pool {
    limits: Limits,
    /// Sockets with larger buffers than the smallest whose connections are over; the largest come
    /// last.
    spare: Vec<tcp::Socket<'static>>,
    /// Memory of all buffers beyond their smallest size, in bytes.
    extra: usize,
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Pool {
        Pool {
            limits,
            spare: Vec::new(),
            extra: 0,
        }
    }

    /// A socket for a new connection, with the largest buffers there are.
    pub(super) fn take(&mut self) -> tcp::Socket<'static> {
        let mut socket = match self.spare.pop() {
            Some(socket) => socket,
            None => tcp::Socket::new(
                self.buffer(self.limits.receive_buffer),
                self.buffer(self.limits.send_buffer),
            ),
        };
        // Frames are written whole: waiting for more would only add latency.
        socket.set_nagle_enabled(false);
        // Reno, since smoltcp's CUBIC calls floating-point functions that only std has. Setting it
        // anew also resets what it learned on the last connection.
        socket.set_congestion_control(tcp::CongestionControl::Reno);
        socket.set_keep_alive(Some(to_smoltcp(self.limits.keep_alive)));
        socket.set_timeout(Some(to_smoltcp(self.limits.timeout)));
        socket
    }

    /// Takes back a socket that nobody needs any more.
    pub(super) fn give_back(&mut self, mut socket: tcp::Socket<'static>) {
        let size = |socket: &tcp::Socket<'_>| socket.recv_capacity() + socket.send_capacity();
        if size(&socket) > self.limits.receive_buffer + self.limits.send_buffer {
            socket.abort();
            let at = self
                .spare
                .partition_point(|other| size(other) <= size(&socket));
            self.spare.insert(at, socket);
        }
    }

    /// A buffer of at least `least` bytes.
    fn buffer(&mut self, least: usize) -> tcp::SocketBuffer<'static> {
        let share = (self.limits.extra_buffers - self.extra) / SHARES;
        let size = match share.checked_ilog2() {
            Some(log) => least.max(1 << log),
            None => least,
        };
        self.extra += size - least;
        tcp::SocketBuffer::new(vec![0; size])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_get_most_and_all_stay_within_the_budget() {
        let limits = Limits {
            receive_buffer: 1 << 10,
            send_buffer: 1 << 10,
            extra_buffers: 1 << 20,
            ..Limits::default()
        };
        let mut pool = Pool::new(limits);
        let sockets: Vec<_> = (0..200).map(|_| pool.take()).collect();
        let sizes: Vec<usize> = sockets
            .iter()
            .flat_map(|socket| [socket.recv_capacity(), socket.send_capacity()])
            .collect();
        assert_eq!(sizes[0], 1 << 17);
        assert!(sizes.is_sorted_by(|a, b| a >= b));
        assert_eq!(sizes[399], 1 << 10);
        assert!(sizes.iter().sum::<usize>() <= (1 << 20) + 400 * (1 << 10));

        for socket in sockets.into_iter().rev() {
            pool.give_back(socket);
        }
        assert!(pool.spare.len() < 100, "small ones are not kept");
        assert_eq!(pool.take().recv_capacity(), 1 << 17);
    }
}
