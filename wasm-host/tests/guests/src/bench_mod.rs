//! Tiny Marine module used to measure call latency and raw CPU speed.
#![allow(improper_ctypes)]
use marine_rs_sdk::marine;
use marine_rs_sdk::module_manifest;
module_manifest!();
fn main() {}

#[marine]
pub fn noop() {}

#[marine]
pub fn add(a: u64, b: u64) -> u64 { a.wrapping_add(b) }

#[marine]
pub fn echo(s: String) -> String { s }

#[marine]
pub fn echo_bytes(b: Vec<u8>) -> Vec<u8> { b }

fn rotr(x: u32, n: u32) -> u32 { x.rotate_right(n) }

const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

fn compress(h: &mut [u32; 8], block: &[u8; 64]) {
    let mut w = [0u32; 64];
    for i in 0..16 {
        w[i] = u32::from_be_bytes([block[4 * i], block[4 * i + 1], block[4 * i + 2], block[4 * i + 3]]);
    }
    for i in 16..64 {
        let s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
        let s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1);
    }
    let mut v = *h;
    for i in 0..64 {
        let s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        let ch = (v[4] & v[5]) ^ (!v[4] & v[6]);
        let t1 = v[7].wrapping_add(s1).wrapping_add(ch).wrapping_add(K[i]).wrapping_add(w[i]);
        let s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        let maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        let t2 = s0.wrapping_add(maj);
        v[7] = v[6]; v[6] = v[5]; v[5] = v[4];
        v[4] = v[3].wrapping_add(t1);
        v[3] = v[2]; v[2] = v[1]; v[1] = v[0];
        v[0] = t1.wrapping_add(t2);
    }
    for i in 0..8 { h[i] = h[i].wrapping_add(v[i]); }
}

fn sha_blocks(n: u32) -> u32 {
    let mut h = [0x6a09e667u32, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    let mut block = [0u8; 64];
    for i in 0..n {
        block[0..4].copy_from_slice(&i.to_le_bytes());
        block[32..36].copy_from_slice(&h[3].to_le_bytes());
        compress(&mut h, &block);
    }
    h[0]
}

/// n SHA-256 compressions over a 64-byte block (64*n bytes hashed)
#[marine]
pub fn sha256_blocks(n: u32) -> u32 { sha_blocks(n) & 0x7fff_ffff }

/// sieve of Eratosthenes: memory bound loop
fn sieve_impl(n: u32) -> u32 {
    let mut v = vec![true; n as usize + 1];
    let mut c = 0;
    for i in 2..=n as usize {
        if v[i] {
            c += 1;
            let mut j = i * i;
            while j <= n as usize { v[j] = false; j += i; }
        }
    }
    c
}
#[marine]
pub fn sieve(n: u32) -> u32 { sieve_impl(n) }

fn fib_impl(n: u32) -> u32 { if n < 2 { n } else { fib_impl(n - 1).wrapping_add(fib_impl(n - 2)) } }
#[marine]
pub fn fib(n: u32) -> u32 { fib_impl(n) }

/// raw exports for engines without interface types
#[no_mangle]
pub extern "C" fn raw_sha256_blocks(n: u32) -> u32 { sha_blocks(n) }
#[no_mangle]
pub extern "C" fn raw_sieve(n: u32) -> u32 { sieve_impl(n) }
#[no_mangle]
pub extern "C" fn raw_fib(n: u32) -> u32 { fib_impl(n) }
#[no_mangle]
pub extern "C" fn raw_noop() {}
