//! What a driver does while its device takes its time.
//!
//! Drivers of disks look again and again whether an answer is there. On the system core, where
//! everybody else would wait as well, such a look can give way to others in between: whoever runs
//! the loop there says how.

use core::hint;

use hermit_sync::OnceCell;

static GIVE_WAY: OnceCell<fn()> = OnceCell::new();

/// Says what to do between two looks. Only the first call counts.
pub fn set_give_way(give_way: fn()) {
    // A second call has nothing else to say.
    let _ = GIVE_WAY.set(give_way);
}

/// To be called between two looks.
pub fn relax() {
    match GIVE_WAY.get() {
        Some(give_way) => give_way(),
        None => hint::spin_loop(),
    }
}
