//! An encoder for the few instruction forms in use. Registers are numbered as RandomX numbers them:
//! `r` 0-7 is `r8`-`r15`; the others are named.

/// Machine code being written.
#[derive(Debug)]
pub(super) struct Assembler<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

/// A temporary general register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Temp {
    Rax = 0,
    Rcx = 1,
    Rdx = 2,
}

/// An operation of two integer operands, as its opcode with a register on the left.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alu {
    Add = 0x03,
    Sub = 0x2B,
    Xor = 0x33,
}

/// An operation on packed doubles, as its opcode.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packed {
    Add = 0x58,
    Mul = 0x59,
    Sub = 0x5C,
    Div = 0x5E,
    Sqrt = 0x51,
}

const fn modrm(mode: u8, reg: usize, rm: usize) -> u8 {
    mode << 6 | (reg as u8 & 7) << 3 | rm as u8 & 7
}

/// `r12` in a base needs the longer form of addressing.
const NEEDS_SIB: usize = 4;
/// Base `rsi`, index `rax`, as a scaled-index byte.
const PAD_AT_RAX: u8 = 0x06;

impl<'a> Assembler<'a> {
    /// Writes from offset `at` of `buffer`.
    pub(super) fn new(buffer: &'a mut [u8], at: usize) -> Self {
        Self { buffer, at }
    }

    /// Offset of the next instruction.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Appends raw bytes.
    #[inline]
    pub(super) fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        self.buffer[self.at..self.at + N].copy_from_slice(&bytes);
        self.at += N;
    }

    #[inline]
    fn imm32(&mut self, imm: u32) {
        self.bytes(imm.to_le_bytes());
    }

    /// Skips to a multiple of `alignment` with no-operations.
    pub(super) fn align(&mut self, alignment: usize) {
        while !self.at.is_multiple_of(alignment) {
            self.bytes([0x90]);
        }
    }

    /// `dst op= src`
    #[inline]
    pub(super) fn alu(&mut self, op: Alu, dst: usize, src: usize) {
        self.bytes([0x4D, op as u8, modrm(3, dst, src)]);
    }

    /// `dst op= imm`, sign-extended
    #[inline]
    pub(super) fn alu_imm(&mut self, op: Alu, dst: usize, imm: u32) {
        let extension = match op {
            Alu::Add => 0,
            Alu::Sub => 5,
            Alu::Xor => 6,
        };
        self.bytes([0x49, 0x81, modrm(3, extension, dst)]);
        self.imm32(imm);
    }

    /// `dst op= [rsi + rax]`
    #[inline]
    pub(super) fn alu_pad(&mut self, op: Alu, dst: usize) {
        self.bytes([0x4C, op as u8, modrm(0, dst, 4), PAD_AT_RAX]);
    }

    /// `dst op= [rsi + offset]`
    #[inline]
    pub(super) fn alu_fixed(&mut self, op: Alu, dst: usize, offset: u32) {
        self.bytes([0x4C, op as u8, modrm(2, dst, 6)]);
        self.imm32(offset);
    }

    /// `dst op= [base + 8 * index]`, for short offsets
    #[inline]
    pub(super) fn alu_line(&mut self, op: Alu, dst: usize, base: Temp, index: usize) {
        self.bytes([
            0x4C,
            op as u8,
            modrm(1, dst, base as usize),
            8 * index as u8,
        ]);
    }

    /// `dst *= src`
    #[inline]
    pub(super) fn imul(&mut self, dst: usize, src: usize) {
        self.bytes([0x4D, 0x0F, 0xAF, modrm(3, dst, src)]);
    }

    /// `dst *= imm`, sign-extended
    #[inline]
    pub(super) fn imul_imm(&mut self, dst: usize, imm: u32) {
        self.bytes([0x4D, 0x69, modrm(3, dst, dst)]);
        self.imm32(imm);
    }

    /// `dst *= [rsi + rax]`
    #[inline]
    pub(super) fn imul_pad(&mut self, dst: usize) {
        self.bytes([0x4C, 0x0F, 0xAF, modrm(0, dst, 4), PAD_AT_RAX]);
    }

    /// `dst *= [rsi + offset]`
    #[inline]
    pub(super) fn imul_fixed(&mut self, dst: usize, offset: u32) {
        self.bytes([0x4C, 0x0F, 0xAF, modrm(2, dst, 6)]);
        self.imm32(offset);
    }

    /// `dst *=` the constant at offset `place` of the buffer
    #[inline]
    pub(super) fn imul_constant(&mut self, dst: usize, place: usize) {
        self.bytes([0x4C, 0x0F, 0xAF, modrm(0, dst, 5)]);
        let distance = place.wrapping_sub(self.at + 4) as u32;
        self.imm32(distance);
    }

    /// `dst` = high half of unsigned `dst * src`, with `mulx`
    #[inline]
    pub(super) fn mulx(&mut self, dst: usize, src: usize) {
        self.store_temp(Temp::Rdx, dst);
        self.bytes([0xC4, 0x42, 0xFB, 0xF6, modrm(3, dst, src)]);
    }

    /// `dst` = high half of unsigned `dst * [rsi + rax]`, with `mulx`
    #[inline]
    pub(super) fn mulx_pad(&mut self, dst: usize) {
        self.store_temp(Temp::Rdx, dst);
        self.bytes([0xC4, 0x62, 0xFB, 0xF6, modrm(0, dst, 4), PAD_AT_RAX]);
    }

    /// `dst` = high half of unsigned `dst * [rsi + offset]`, with `mulx`
    #[inline]
    pub(super) fn mulx_fixed(&mut self, dst: usize, offset: u32) {
        self.store_temp(Temp::Rdx, dst);
        self.bytes([0xC4, 0x62, 0xFB, 0xF6, modrm(2, dst, 6)]);
        self.imm32(offset);
    }

    /// `dst` = high half of `dst * src`
    #[inline]
    pub(super) fn mul_high(&mut self, signed: bool, dst: usize, src: usize) {
        self.store_temp(Temp::Rax, dst);
        self.bytes([0x49, 0xF7, modrm(3, 4 + usize::from(signed), src)]);
        self.load_temp(dst, Temp::Rdx);
    }

    /// `dst` = high half of `dst * [rsi + rcx]`
    #[inline]
    pub(super) fn mul_high_pad(&mut self, signed: bool, dst: usize) {
        self.store_temp(Temp::Rax, dst);
        self.bytes([0x48, 0xF7, modrm(0, 4 + usize::from(signed), 4), 0x0E]);
        self.load_temp(dst, Temp::Rdx);
    }

    /// `dst` = high half of `dst * [rsi + offset]`
    #[inline]
    pub(super) fn mul_high_fixed(&mut self, signed: bool, dst: usize, offset: u32) {
        self.store_temp(Temp::Rax, dst);
        self.bytes([0x48, 0xF7, modrm(2, 4 + usize::from(signed), 6)]);
        self.imm32(offset);
        self.load_temp(dst, Temp::Rdx);
    }

    /// `temp = register`
    #[inline]
    pub(super) fn store_temp(&mut self, temp: Temp, register: usize) {
        self.bytes([0x4C, 0x89, modrm(3, register, temp as usize)]);
    }

    /// `register = temp`
    #[inline]
    pub(super) fn load_temp(&mut self, register: usize, temp: Temp) {
        self.bytes([0x49, 0x89, modrm(3, temp as usize, register)]);
    }

    /// `temp ^= register`
    #[inline]
    pub(super) fn xor_temp(&mut self, temp: Temp, register: usize) {
        self.bytes([0x4C, 0x31, modrm(3, register, temp as usize)]);
    }

    /// `temp = (register + imm) & mask`, in 32 bits
    #[inline]
    pub(super) fn address(&mut self, temp: Temp, register: usize, imm: u32, mask: u32) {
        if register == NEEDS_SIB {
            self.bytes([0x41, 0x8D, modrm(2, temp as usize, 4), 0x24]);
        } else {
            self.bytes([0x41, 0x8D, modrm(2, temp as usize, register)]);
        }
        self.imm32(imm);
        self.and_temp(temp, mask);
    }

    /// `temp &= mask`, in 32 bits
    #[inline]
    pub(super) fn and_temp(&mut self, temp: Temp, mask: u32) {
        match temp {
            Temp::Rax => self.bytes([0x25]),
            _ => self.bytes([0x81, modrm(3, 4, temp as usize)]),
        }
        self.imm32(mask);
    }

    /// `dst += src << shift`, and `+ imm` for register 5, which has no shorter form
    #[inline]
    pub(super) fn add_shifted(&mut self, dst: usize, src: usize, shift: u32, imm: u32) {
        let scaled = (shift as u8) << 6 | (src as u8) << 3 | dst as u8;
        if dst == 5 {
            self.bytes([0x4F, 0x8D, modrm(2, dst, 4), scaled]);
            self.imm32(imm);
        } else {
            self.bytes([0x4F, 0x8D, modrm(0, dst, 4), scaled]);
        }
    }

    /// `dst = -dst`
    #[inline]
    pub(super) fn negate(&mut self, dst: usize) {
        self.bytes([0x49, 0xF7, modrm(3, 3, dst)]);
    }

    /// `dst` rotated by `src`
    #[inline]
    pub(super) fn rotate(&mut self, right: bool, dst: usize, src: usize) {
        self.bytes([0x44, 0x89, modrm(3, src, Temp::Rcx as usize)]);
        self.bytes([0x49, 0xD3, modrm(3, usize::from(right), dst)]);
    }

    /// `dst` rotated right by `count`
    #[inline]
    pub(super) fn rotate_right_imm(&mut self, dst: usize, count: u8) {
        self.bytes([0x49, 0xC1, modrm(3, 1, dst), count]);
    }

    /// Swaps two registers.
    #[inline]
    pub(super) fn exchange(&mut self, a: usize, b: usize) {
        self.bytes([0x4D, 0x87, modrm(3, a, b)]);
    }

    /// `[base + 8 * index] = register`
    #[inline]
    pub(super) fn store(&mut self, register: usize, base: Temp, index: usize) {
        self.bytes([
            0x4C,
            0x89,
            modrm(1, register, base as usize),
            8 * index as u8,
        ]);
    }

    /// `[rsi + rax] = register`
    #[inline]
    pub(super) fn store_pad(&mut self, register: usize) {
        self.bytes([0x4C, 0x89, modrm(0, register, 4), PAD_AT_RAX]);
    }

    /// Jumps to `target` if the register has none of the bits of `mask`.
    #[inline]
    pub(super) fn jump_if_none(&mut self, register: usize, mask: u32, target: usize) {
        self.bytes([0x41, 0xF7, modrm(3, 0, register)]);
        self.imm32(mask);
        self.jump_if_zero(target);
    }

    /// Jumps backwards to `target` if the last result was zero.
    #[inline]
    pub(super) fn jump_if_zero(&mut self, target: usize) {
        self.jump_if(4, target);
    }

    /// Jumps backwards to `target` if the last result was not zero.
    #[inline]
    pub(super) fn jump_if_not_zero(&mut self, target: usize) {
        self.jump_if(5, target);
    }

    #[inline]
    fn jump_if(&mut self, condition: u8, target: usize) {
        let distance = target.wrapping_sub(self.at + 2) as isize;
        if distance >= -128 {
            self.bytes([0x70 | condition, distance as u8]);
        } else {
            self.bytes([0x0F, 0x80 | condition]);
            let distance = target.wrapping_sub(self.at + 4) as u32;
            self.imm32(distance);
        }
    }

    /// Swaps the halves of a vector register, 0 to 7.
    #[inline]
    pub(super) fn float_swap(&mut self, register: usize) {
        self.bytes([0x66, 0x0F, 0xC6, modrm(3, register, register), 1]);
    }

    /// `xmm[dst] op= xmm[8 + src]`
    #[inline]
    pub(super) fn packed_high(&mut self, op: Packed, dst: usize, src: usize) {
        self.bytes([0x66, 0x41, 0x0F, op as u8, modrm(3, dst, src)]);
    }

    /// `xmm[dst] = op xmm[dst]`
    #[inline]
    pub(super) fn packed_self(&mut self, op: Packed, dst: usize) {
        self.bytes([0x66, 0x0F, op as u8, modrm(3, dst, dst)]);
    }

    /// `xmm12` = two integers at `[rsi + rax]` as doubles
    #[inline]
    pub(super) fn convert_pad(&mut self) {
        self.bytes([0xF3, 0x44, 0x0F, 0xE6, modrm(0, 4, 4), PAD_AT_RAX]);
    }

    /// `xmm12` as the E group wants it: the mask of `xmm13`, the bits of `xmm14`
    #[inline]
    pub(super) fn mask_converted(&mut self) {
        self.bytes([0x45, 0x0F, 0x54, 0xE5, 0x45, 0x0F, 0x56, 0xE6]);
    }

    /// `xmm[dst] ^= xmm15`
    #[inline]
    pub(super) fn float_scale(&mut self, dst: usize) {
        self.bytes([0x41, 0x0F, 0x57, modrm(3, dst, 7)]);
    }

    /// Sets the rounding mode from two bits of a register, by the table at `[rsp]`.
    #[inline]
    pub(super) fn round(&mut self, src: usize, rotation: u8, bmi2: bool) {
        if bmi2 {
            self.bytes([0xC4, 0xC3, 0xFB, 0xF0, modrm(3, 0, src), rotation]);
        } else {
            self.store_temp(Temp::Rax, src);
            self.bytes([0x48, 0xC1, 0xC8, rotation]);
        }
        self.bytes([0x83, 0xE0, 0x03, 0x0F, 0xAE, 0x14, 0x84]);
    }
}
