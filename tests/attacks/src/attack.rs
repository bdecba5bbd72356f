//! What an attack is.

use std::time::Duration;

use anyhow::Result;

use crate::node::SetUp;
use crate::stage::Stage;

/// MiB of address space of a node, unless an attack says otherwise.
const MEMORY: u64 = 3072;
/// Open files of a node, unless an attack says otherwise.
const FILES: u64 = 16_384;

/// How the node of an attack is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Home {
    /// As usual; several attacks may be made on the same.
    #[default]
    Shared,
    /// As usual, and nobody else's: what is done to it lasts.
    Own,
    /// With 1,024 open files, as a usual shell gives.
    FewFiles,
    /// With a chain whose endpoint never answers.
    SilentChain,
}

impl Home {
    /// The set-up.
    pub(crate) fn set_up(self) -> SetUp {
        let manifest = match self {
            Self::SilentChain => crate::silent::manifest(),
            _ => String::new(),
        };
        let files = match self {
            Self::FewFiles => 1024,
            _ => FILES,
        };
        SetUp {
            manifest,
            files,
            memory: MEMORY,
        }
    }

    /// Whether another attack may come after.
    pub(crate) fn is_shared(self) -> bool {
        self == Self::Shared
    }
}

/// An attack.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) about: &'static str,
    /// How much in the small form and in the large one.
    pub(crate) sizes: [usize; 2],
    /// MiB that it may take.
    pub(crate) budget: usize,
    /// Reasons of refusals, one of which has to be counted; none if nothing is refused.
    pub(crate) counted: &'static [&'static str],
    /// On which node.
    pub(crate) home: Home,
    /// Does it; an error is a promise that the node has broken.
    pub(crate) run: fn(&mut Stage<'_>) -> Result<()>,
}

/// What a run may take beside four times the particle, with room for how an allocator gives back.
pub(crate) const RUN: usize = 160;

impl Attack {
    /// One that runs scripts.
    pub(crate) const fn new(
        name: &'static str,
        about: &'static str,
        sizes: [usize; 2],
        run: fn(&mut Stage<'_>) -> Result<()>,
    ) -> Self {
        Self {
            name,
            about,
            sizes,
            budget: RUN,
            counted: &[],
            home: Home::Shared,
            run,
        }
    }

    /// With MiB that it may take.
    pub(crate) const fn budget(mut self, mebibytes: usize) -> Self {
        self.budget = mebibytes;
        self
    }

    /// With reasons of which one has to be counted.
    pub(crate) const fn counted(mut self, reasons: &'static [&'static str]) -> Self {
        self.counted = reasons;
        self
    }

    /// On another node.
    pub(crate) const fn on(mut self, home: Home) -> Self {
        self.home = home;
        self
    }
}

/// How long things take in a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The quiet node is watched for so long.
    pub(crate) quiet: Duration,
    /// An attack goes on for so long at least.
    pub(crate) least: Duration,
    /// What an attack leaves to be done is waited for, so long.
    pub(crate) settle: Duration,
    /// What attackers send lives so long.
    pub(crate) most: Duration,
}

impl Times {
    /// Of the gate's form.
    pub(crate) const SMALL: Self = Self {
        quiet: Duration::from_millis(800),
        least: Duration::from_millis(800),
        settle: Duration::from_secs(6),
        most: Duration::from_secs(8),
    };
    /// Of the large form.
    pub(crate) const LARGE: Self = Self {
        quiet: Duration::from_secs(2),
        least: Duration::from_secs(3),
        settle: Duration::from_secs(60),
        most: Duration::from_secs(60),
    };
    /// Of an emulated machine.
    pub(crate) const EMULATED: Self = Self {
        quiet: Duration::from_secs(1),
        least: Duration::from_secs(1),
        settle: Duration::from_secs(8),
        most: Duration::from_secs(16),
    };
}
