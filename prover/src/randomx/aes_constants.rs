//! States and keys of the AES generators and the fingerprint (RandomX specification sections 3.2 to
//! 3.4).

/// 16 bytes.
pub type Column = [u8; 16];

/// Four columns.
pub type State = [u8; 64];

/// Keys of the 1R generator, per column.
pub(super) const KEYS_1R: [u128; 4] = [
    0x53a5ac6d096671622b55b5db1749f4b4,
    0x07af7c6d0d716a8478d325174edca10d,
    0xf162123fc67e949f4f79c0f445e3203e,
    0x3581ef6a7c31bab1884c311654911649,
];

/// Keys of the 4R generator, per round: the first four for columns 0 and 1, the rest for 2 and 3.
pub(super) const KEYS_4R: [u128; 8] = [
    0xddaa2164db3d83d12b6d542f3fd2e599,
    0x50340eb2553f91b6539df706e5cddfa5,
    0x04d93e5caf7b5e519f67a40abf021c17,
    0x63376285085d8fe7853767cd91d2ded8,
    0x736f82b5a6a7d6e36d8b513db4ff9e22,
    0xf36b56c7d9b3109c4e4d02e9d2b772b2,
    0xe7c973f28ba365f70a66a92ba7ef3bf6,
    0x09d67c7ade395891fdd1060c2d76b0c0,
];

/// Initial state of the fingerprint, per column.
pub(super) const HASH_STATE: [u128; 4] = [
    0x0d2cb592de56a89f47db82ccad3a98d7,
    0x6e998d3398b7c7155a129ef55780e7ac,
    0x1700776ad0c762ae6b507950e47ca0e8,
    0x0c240a638d82ad070500a1794849997e,
];

/// Keys of the fingerprint's last two rounds.
pub(super) const HASH_KEYS: [u128; 2] = [
    0x8983faf69f94248bbf56dc9001028906,
    0xd163b2613ce0f451c64310ee9bf918ed,
];
