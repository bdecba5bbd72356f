//! Exit and randomness.

use alloc::format;

use super::{Call, Errno};
use crate::engine::{HostCause, HostTrap};

impl Call<'_> {
    /// Ends the call, whatever the code; the instance stays usable.
    pub(super) fn proc_exit(&self) -> HostTrap {
        let code = self.arg(0) as i32;
        HostTrap {
            message: format!("Exited with i32 exit status {code}"),
            cause: HostCause::Exit(code),
        }
    }

    pub(super) fn random_get(&mut self) -> Result<(), Errno> {
        let (pointer, len) = (self.arg(0), self.arg(1));
        let buffer = self.memory.slice_mut(pointer, len)?;
        self.host.random(buffer);
        // A guest pays for randomness as for any other bytes that the host makes for it.
        self.wasi.work += u64::from(len);
        Ok(())
    }
}
