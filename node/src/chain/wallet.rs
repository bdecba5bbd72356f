//! The wallet that pays for the node's transactions: EIP-1559 transactions, signed.

use alloc::vec::Vec;
use core::fmt;

use alloy_rlp::{Encodable, Header};
use k256::ecdsa::SigningKey;
use sha3::{Digest, Keccak256};

/// An account or a contract.
pub(crate) type Address = [u8; 20];

/// Type of an EIP-1559 transaction (EIP-2718).
const TYPE: u8 = 2;

/// A key that signs transactions; it is never shown.
#[derive(Clone)]
pub struct Wallet {
    key: SigningKey,
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wallet")
    }
}

/// A transaction that transfers nothing and calls a function. Fees are in wei.
pub(super) struct Transaction<'a> {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) max_priority_fee: u128,
    pub(super) max_fee: u128,
    pub(super) gas: u64,
    pub(super) to: Address,
    pub(super) data: &'a [u8],
}

impl Wallet {
    /// The wallet of a secp256k1 key; `None` when the bytes are none.
    pub fn new(key: &[u8; 32]) -> Option<Wallet> {
        let key = SigningKey::from_slice(key).ok()?;
        Some(Wallet { key })
    }

    /// Its account.
    pub(crate) fn address(&self) -> Address {
        let point = self.key.verifying_key().to_sec1_point(false);
        let hash = Keccak256::digest(&point.as_bytes()[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        address
    }

    /// Signs a transaction; gives what is sent.
    pub(super) fn sign(&self, transaction: &Transaction<'_>) -> Vec<u8> {
        let fields = transaction.fields();
        let hash = Keccak256::digest(envelope(&fields));
        let (signature, recovery) = self.key.sign_prehash_recoverable(&hash);
        let (r, s) = signature.split_bytes();
        let mut signed = fields;
        recovery.is_y_odd().encode(&mut signed);
        trimmed(&r).encode(&mut signed);
        trimmed(&s).encode(&mut signed);
        envelope(&signed)
    }
}

impl Transaction<'_> {
    /// The fields that are signed.
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.chain_id.encode(&mut out);
        self.nonce.encode(&mut out);
        self.max_priority_fee.encode(&mut out);
        self.max_fee.encode(&mut out);
        self.gas.encode(&mut out);
        self.to.encode(&mut out);
        // No value is transferred.
        0_u8.encode(&mut out);
        self.data.encode(&mut out);
        // An empty access list.
        list(0).encode(&mut out);
        out
    }
}

/// The hash that a signed transaction is known by.
pub(super) fn hash(raw: &[u8]) -> [u8; 32] {
    Keccak256::digest(raw).into()
}

/// The transaction's type, and its fields as a list.
fn envelope(fields: &[u8]) -> Vec<u8> {
    let mut out = alloc::vec![TYPE];
    list(fields.len()).encode(&mut out);
    out.extend_from_slice(fields);
    out
}

/// The head of a list whose items take `payload_length` bytes.
fn list(payload_length: usize) -> Header {
    Header {
        list: true,
        payload_length,
    }
}

/// Without the zeroes in front.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeroes = bytes.iter().take_while(|&&byte| byte == 0).count();
    &bytes[zeroes..]
}
