//! Device drivers, a folder or file each.

pub mod virtio;
pub mod virtio_net;
pub mod virtio_rng;
