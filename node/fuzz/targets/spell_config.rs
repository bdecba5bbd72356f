//! The configuration of a spell: what is read is the same after it is written again.

use basalt_node::spells::Config;

/// A time in seconds, then JSON.
pub fn check(data: &[u8]) {
    let Some((now, json)) = data.split_first_chunk() else {
        return;
    };
    let Ok(value) = serde_json::from_slice(json) else {
        return;
    };
    if let Ok(config) = Config::read(&value) {
        assert_eq!(Config::read(&config.value()), Ok(config));
        if config.check(u32::from_le_bytes(*now).into()).is_ok() {
            let clock = config.clock;
            assert!(clock.start == 0 || clock.end == 0 || clock.start <= clock.end);
        }
    }
}
