//! What a service has used.

use alloc::string::String;

/// Memory of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleMemory {
    /// Module.
    pub name: String,
    /// Bytes of its memory now.
    pub bytes: u64,
}

/// Calls of one function from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionStats {
    /// Calls, failed ones included.
    pub calls: u64,
    /// Failed calls.
    pub failures: u64,
    /// Nanoseconds of all calls together.
    pub time: u64,
    /// Nanoseconds of the longest call.
    pub longest: u64,
    /// Fuel of all calls together.
    pub fuel: u64,
    /// Bytes by which the memories of all modules grew in calls of this function.
    pub memory_growth: u64,
}

impl FunctionStats {
    pub(crate) fn add(&mut self, failed: bool, time: u64, fuel: u64, growth: u64) {
        self.calls += 1;
        self.failures += u64::from(failed);
        self.time += time;
        self.longest = self.longest.max(time);
        self.fuel = self.fuel.saturating_add(fuel);
        self.memory_growth += growth;
    }
}
