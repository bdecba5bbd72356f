//! Exit, signals, randomness, and sockets, of which there are none.

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

    /// There are no signals: as in the reference, raising one ends the call.
    pub(super) fn proc_raise(&self) -> HostTrap {
        HostTrap::failure("proc_raise unsupported")
    }

    /// No descriptor is a socket.
    pub(super) fn socket(&self) -> Result<(), Errno> {
        self.wasi.descriptors.get(self.arg(0))?;
        Err(Errno::NOTSOCK)
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
