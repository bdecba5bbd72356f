//! Which cards the driver knows, and what is special about them.

use crate::pci::Function;

/// Vendor of all these cards.
pub const VENDOR: u16 = 0x8086;

/// What a card is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A card of its own with PHY: 82571 to 82574, 82583.
    Discrete,
    /// MAC in the chipset, PHY beside it: I217, I218, I219. Their firmware (the management engine)
    /// uses the PHY too.
    Integrated,
}

/// A card that the driver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// What it is made of.
    pub family: Family,
    /// Whether it has MSI-X, with the IVAR and EIAC registers that belong to it.
    pub msix: bool,
}

const fn discrete(name: &'static str, msix: bool) -> Model {
    Model {
        name,
        family: Family::Discrete,
        msix,
    }
}

const fn integrated(name: &'static str) -> Model {
    Model {
        name,
        family: Family::Integrated,
        msix: false,
    }
}

/// The card at `function`, if it is one of these.
#[must_use]
pub fn model(function: &Function) -> Option<Model> {
    if function.vendor != VENDOR {
        return None;
    }
    Some(match function.device {
        0x105e | 0x105f => discrete("Intel 82571EB", false),
        0x107d => discrete("Intel 82572EI", false),
        0x108b | 0x108c | 0x109a => discrete("Intel 82573", false),
        0x10d3 | 0x10f6 => discrete("Intel 82574L", true),
        0x150c => discrete("Intel 82583V", false),
        0x153a | 0x153b => integrated("Intel I217"),
        0x155a | 0x1559 | 0x15a0..=0x15a3 => integrated("Intel I218"),
        0x156f
        | 0x1570
        | 0x15b7..=0x15b9
        | 0x15bb..=0x15be
        | 0x15d6..=0x15d8
        | 0x15df..=0x15e3
        | 0x0d4c..=0x0d4f
        | 0x0d53
        | 0x0d55
        | 0x15f4
        | 0x15f5
        | 0x15f9..=0x15fc
        | 0x1a1c..=0x1a1f => integrated("Intel I219"),
        _ => return None,
    })
}
