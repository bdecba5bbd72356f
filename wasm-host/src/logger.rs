//! Logging of modules: levels, masks, and the host's filter by module.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// Level of a line, as the SDK numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 1
    Error,
    /// 2
    Warn,
    /// 3
    Info,
    /// 4
    Debug,
    /// 5 and everything else.
    Trace,
}

impl Level {
    /// The level with a number; unknown ones count as trace.
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            _ => Self::Trace,
        }
    }

    fn parse(text: &str) -> Option<Option<Self>> {
        Some(Some(match text.to_ascii_lowercase().as_str() {
            "off" => return Some(None),
            "error" => Self::Error,
            "warn" => Self::Warn,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        }))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

/// Does a line for `target` pass a module's mask? Target 0 always does.
pub fn passes(mask: i32, target: i32) -> bool {
    target == 0 || target & mask != 0
}

/// The host's `WASM_LOG`: `module=level`, `module` (trace) or `level` (the default; the first one
/// counts), separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    modules: Vec<(String, Option<Level>)>,
    default: Option<Option<Level>>,
}

impl Filter {
    /// Reads a filter; parts that are not valid are left out.
    pub fn parse(text: &str) -> Self {
        let mut filter = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            match part.split_once('=') {
                Some((module, level)) => {
                    if let Some(level) = Level::parse(level.trim()) {
                        filter.modules.push((module.trim().to_string(), level));
                    }
                }
                None => match Level::parse(part) {
                    Some(level) => {
                        filter.default.get_or_insert(level);
                    }
                    None => filter.modules.push((part.to_string(), Some(Level::Trace))),
                },
            }
        }
        filter
    }

    /// The level named for a module, `None` when the filter says nothing about it. The inner `None`
    /// is "off".
    pub fn level_of(&self, module: &str) -> Option<Option<Level>> {
        self.modules
            .iter()
            .find(|(name, _)| name == module)
            .map(|(_, level)| *level)
            .or(self.default)
    }

    /// The value of a module's `WASM_LOG` variable, when the filter sets it.
    pub fn variable(&self, module: &str) -> Option<String> {
        self.level_of(module)
            .map(|level| level.map_or_else(|| "off".to_string(), |level| level.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms() {
        let filter = Filter::parse("info, a=debug,b ,warn,c=off,d=loud");
        assert_eq!(filter.variable("a").as_deref(), Some("debug"));
        assert_eq!(filter.variable("b").as_deref(), Some("trace"));
        assert_eq!(filter.variable("c").as_deref(), Some("off"));
        assert_eq!(filter.variable("d").as_deref(), Some("info"));
        assert_eq!(Filter::parse("").variable("a"), None);
    }

    #[test]
    fn masks_select_targets() {
        assert!(passes(1, 0) && passes(1, 3) && !passes(1, 2) && !passes(0, 4));
    }
}
