//! CPU time of the calling thread.

use std::time::{Duration, Instant};

/// Work done, and the CPU time it took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) count: f64,
    pub(crate) seconds: f64,
}

impl Sample {
    pub(crate) fn rate(self) -> f64 {
        self.count / self.seconds
    }
}

/// CPU seconds of this thread so far.
pub(crate) fn cpu_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one `timespec`, which is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Calls `work` until `turn` of wall-clock time has passed, after a few calls to warm up.
pub(crate) fn repeat(turn: Duration, mut work: impl FnMut()) -> Sample {
    work();
    work();
    let (start, begin) = (cpu_seconds(), Instant::now());
    let mut count = 0.0;
    while begin.elapsed() < turn {
        work();
        count += 1.0;
    }
    Sample {
        count,
        seconds: cpu_seconds() - start,
    }
}
