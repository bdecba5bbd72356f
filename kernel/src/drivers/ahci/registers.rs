//! The registers of the controller and of its ports (AHCI 1.3.1, section 3).

/// Where the registers of a port begin, behind those of the controller and of the ports before it.
pub(super) const fn port_base(number: u32) -> u64 {
    0x100 + number as u64 * 0x80
}

/// The controller's registers.
pub(super) mod host {
    pub(in super::super) const CAPABILITIES: u64 = 0x00;
    pub(in super::super) const CONTROL: u64 = 0x04;
    pub(in super::super) const PORTS: u64 = 0x0c;
    pub(in super::super) const CAPABILITIES_2: u64 = 0x24;
    pub(in super::super) const HANDOVER: u64 = 0x28;

    /// In the capabilities: addresses of 64 bits.
    pub(in super::super) const WIDE: u32 = 1 << 31;
    /// In the control: AHCI instead of the older interface.
    pub(in super::super) const AHCI: u32 = 1 << 31;
    pub(in super::super) const INTERRUPTS: u32 = 1 << 1;
    /// In the second capabilities.
    pub(in super::super) const HANDOVER_SUPPORTED: u32 = 1;
    pub(in super::super) const FIRMWARES: u32 = 1;
    pub(in super::super) const OURS: u32 = 1 << 1;
}

/// A port's registers, from its base on.
pub(super) mod port {
    /// Address of the command list.
    pub(in super::super) const LIST: u64 = 0x00;
    /// Address of what the disk sends.
    pub(in super::super) const RECEIVED: u64 = 0x08;
    pub(in super::super) const INTERRUPTS: u64 = 0x10;
    pub(in super::super) const INTERRUPTS_ON: u64 = 0x14;
    pub(in super::super) const COMMAND: u64 = 0x18;
    pub(in super::super) const TASK: u64 = 0x20;
    pub(in super::super) const SIGNATURE: u64 = 0x24;
    pub(in super::super) const LINK: u64 = 0x28;
    pub(in super::super) const LINK_CONTROL: u64 = 0x2c;
    pub(in super::super) const LINK_ERRORS: u64 = 0x30;
    pub(in super::super) const ISSUED: u64 = 0x38;

    /// In the command register: commands are executed.
    pub(in super::super) const START: u32 = 1;
    pub(in super::super) const SPIN_UP: u32 = 1 << 1;
    pub(in super::super) const POWER: u32 = 1 << 2;
    /// What the disk sends is received.
    pub(in super::super) const RECEIVE: u32 = 1 << 4;
    pub(in super::super) const RECEIVING: u32 = 1 << 14;
    pub(in super::super) const RUNNING: u32 = 1 << 15;

    /// Interrupt causes that are errors: of the task, the host bus, the interface.
    pub(in super::super) const ERRORS: u32 = 1 << 30 | 1 << 29 | 1 << 28 | 1 << 27;

    /// In the task register.
    pub(in super::super) const BUSY: u32 = 0x80;
    pub(in super::super) const DATA: u32 = 0x08;
    pub(in super::super) const FAILED: u32 = 0x01;

    /// In the link: the device is there and talks.
    pub(in super::super) const LINK_MASK: u32 = 0xf;
    pub(in super::super) const LINK_UP: u32 = 3;
    /// In the link control: resets the link.
    pub(in super::super) const LINK_RESET: u32 = 1;

    /// Signature of a disk.
    pub(in super::super) const DISK: u32 = 0x0000_0101;
}
