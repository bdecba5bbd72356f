//! x86-64 machine code.
use super::superscalar::Program as S; use super::program::Program; use super::vm::{Source,State}; use super::cache::Item;
use crate::memory::{Memory, OutOfMemory, Region,Purpose};
pub struct ItemCode; pub struct ProgramCode;
impl ItemCode { pub fn compile(_m:&impl Memory,_p:&[S])->Result<Self,OutOfMemory>{Err(OutOfMemory{purpose:Purpose::Code,bytes:0})} pub fn items(&self,_c:&[u64],_f:u64,_o:&mut [Item]){} }
impl ProgramCode { pub fn new(_m:&impl Memory)->Result<Self,OutOfMemory>{Err(OutOfMemory{purpose:Purpose::Code,bytes:0})} pub fn run<P>(&mut self,_p:&Program,_s:Source<'_,P>,_r:&mut Region,_st:&mut State){} }
