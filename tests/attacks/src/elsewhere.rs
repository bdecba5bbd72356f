//! Attacks on a node that somebody else has booted.

use anyhow::{Context as _, Result};

use crate::attack::Times;
use crate::attacks;
use crate::node::{Elsewhere, Node};
use crate::verdict::Bounds;
use crate::{Home, Stand, confined, made};

impl Elsewhere {
    /// Makes attacks, of a size each, one after the other. Each is told, as a line that says how it
    /// went and whether it was survived; one that was not ends the row.
    ///
    /// # Errors
    /// No attack has such a name, or the node serves nobody before the first.
    pub fn attack(&self, chosen: &[(&str, usize)], mut tell: impl FnMut(&str, bool)) -> Result<()> {
        confined::allow_many_files();
        let all = attacks::all();
        let times = Times::EMULATED;
        let mut stand = Stand::watched(Node::elsewhere(self), Home::Shared, times.quiet)?;
        for (name, size) in chosen {
            let attack = all.iter().find(|attack| attack.name == *name);
            let attack = attack.with_context(|| format!("no attack {name}"))?;
            let (measured, _) = made(attack, *size, &mut stand, &times, &Bounds::EMULATED)?;
            let line = format!("{:<24} {measured}", format!("{name} {size}"));
            tell(&line, measured.survived());
            if !measured.survived() {
                break;
            }
        }
        Ok(())
    }
}
