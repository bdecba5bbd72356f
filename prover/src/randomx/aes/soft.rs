//! AES rounds by tables (FIPS 197), for CPUs without an AES unit.

use crate::randomx::aes_constants::{Column, HASH_KEYS, HASH_STATE, KEYS_1R, KEYS_4R, State};

/// Multiplication in AES's field.
const fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1B } else { 0 };
        b >>= 1;
    }
    product
}

/// The substitution box: inverse in the field, then an affine map.
const fn substitution() -> [u8; 256] {
    let mut table = [0; 256];
    // Two generators that are each other's inverse walk through all pairs (p, 1/p).
    let (mut p, mut q) = (1_u8, 1_u8);
    loop {
        table[p as usize] =
            q ^ q.rotate_left(1) ^ q.rotate_left(2) ^ q.rotate_left(3) ^ q.rotate_left(4) ^ 0x63;
        p = multiply(p, 3);
        q = multiply(q, 0xF6);
        if p == 1 {
            break;
        }
    }
    table[0] = 0x63;
    table
}

/// For each byte, the column it contributes to a round's output from row 0: substitution, then the
/// mixing matrix's first column.
const fn round_table(decrypt: bool) -> [u32; 256] {
    let box_ = substitution();
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        if decrypt {
            let x = i as u8;
            table[box_[i] as usize] = u32::from_le_bytes([
                multiply(x, 14),
                multiply(x, 9),
                multiply(x, 13),
                multiply(x, 11),
            ]);
        } else {
            let x = box_[i];
            table[i] = u32::from_le_bytes([multiply(x, 2), x, x, multiply(x, 3)]);
        }
        i += 1;
    }
    table
}

static ENCRYPT: [u32; 256] = round_table(false);
static DECRYPT: [u32; 256] = round_table(true);

/// One AES encryption round, as the instruction `aesenc` does it.
pub fn encrypt(column: Column, key: Column) -> Column {
    round(&ENCRYPT, 1, column, key)
}

/// One AES decryption round of the equivalent inverse cipher, as the instruction `aesdec` does it.
pub fn decrypt(column: Column, key: Column) -> Column {
    round(&DECRYPT, 3, column, key)
}

/// `shift` is by how many words row 1 moves: one to the left, or three, which is one to the right.
fn round(table: &[u32; 256], shift: usize, column: Column, key: Column) -> Column {
    let mut out = [0; 16];
    for word in 0..4 {
        let mut mixed = 0;
        for row in 0..4 {
            let byte = column[(word + row * shift) % 4 * 4 + row];
            mixed ^= table[usize::from(byte)].rotate_left(8 * row as u32);
        }
        out[4 * word..][..4].copy_from_slice(&mixed.to_le_bytes());
    }
    core::array::from_fn(|i| out[i] ^ key[i])
}

/// Columns 0 and 2 are decrypted and 1 and 3 encrypted by the 1R generator and the reverse by the
/// fingerprint; the 4R generator goes like the former.
fn step(column: Column, key: Column, encrypting: bool) -> Column {
    if encrypting {
        encrypt(column, key)
    } else {
        decrypt(column, key)
    }
}

fn columns(state: &mut State) -> &mut [Column] {
    state.as_chunks_mut().0
}

/// See [`fill_1r`](super::fill_1r).
pub fn fill_1r(state: &mut State, out: &mut [State]) {
    for block in out {
        for (i, column) in columns(state).iter_mut().enumerate() {
            *column = step(*column, KEYS_1R[i].to_be_bytes(), i % 2 == 1);
        }
        *block = *state;
    }
}

/// See [`fill_4r`](super::fill_4r).
pub fn fill_4r(state: &mut State, out: &mut [State]) {
    for block in out {
        for (i, column) in columns(state).iter_mut().enumerate() {
            for key in &KEYS_4R[i / 2 * 4..][..4] {
                *column = step(*column, key.to_be_bytes(), i % 2 == 1);
            }
        }
        *block = *state;
    }
}

/// See [`hash_1r`](super::hash_1r).
pub fn hash_1r(input: &[State]) -> State {
    let mut state = [0; 64];
    for (column, initial) in columns(&mut state).iter_mut().zip(HASH_STATE) {
        *column = initial.to_be_bytes();
    }
    for block in input {
        for (i, (column, key)) in columns(&mut state)
            .iter_mut()
            .zip(block.as_chunks().0)
            .enumerate()
        {
            *column = step(*column, *key, i % 2 == 0);
        }
    }
    for key in HASH_KEYS {
        for (i, column) in columns(&mut state).iter_mut().enumerate() {
            *column = step(*column, key.to_be_bytes(), i % 2 == 0);
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomx::simd::aes_round;

    #[test]
    fn tables_agree_with_the_aes_unit() {
        let mut column = *b"sixteen bytes...";
        let key = *b"another sixteen.";
        for i in 0..100 {
            let (encrypted, decrypted) = (encrypt(column, key), decrypt(column, key));
            if let Some(expected) = aes_round(column, key, true) {
                assert_eq!(encrypted, expected);
                assert_eq!(Some(decrypted), aes_round(column, key, false));
            }
            column = if i % 3 == 0 { decrypted } else { encrypted };
        }
    }
}
