//! The parsed script: a flat list of instructions that refer to each other by number.
//!
//! No node owns another, so a script of any depth is dropped, cloned and walked without recursion.
//! Texts are ranges of the source, names are numbers, and every use of a stream is resolved to its
//! slot while parsing: what the interpreter does a million times is an index into a vector.

pub(crate) mod display;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// A parsed and validated script, which can be run any number of times.
///
/// It holds no state of a run: cache it by the hash of its text.
#[derive(Clone, Debug)]
pub struct Script {
    /// Microseconds that it took to parse it, as they are charged.
    pub(crate) time: u64,
    pub(crate) source: Box<str>,
    pub(crate) nodes: Vec<Instr>,
    pub(crate) calls: Vec<Call>,
    /// Arguments of all calls.
    pub(crate) operands: Vec<Operand>,
    /// Accessors of all lenses.
    pub(crate) accessors: Vec<Accessor>,
    pub(crate) lenses: Vec<Lens>,
    /// Normalised texts of all lenses.
    pub(crate) lens_texts: Box<str>,
    /// Names with their sigils.
    pub(crate) names: Vec<Text>,
    /// Number of names of streams and maps.
    pub(crate) slots: u32,
}

impl Script {
    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Bytes that it takes in memory, its text included.
    pub fn bytes(&self) -> usize {
        self.source.len()
            + self.nodes.capacity() * size_of::<Instr>()
            + self.calls.capacity() * size_of::<Call>()
            + self.operands.capacity() * size_of::<Operand>()
            + self.accessors.capacity() * size_of::<Accessor>()
            + self.lenses.capacity() * size_of::<Lens>()
            + self.lens_texts.len()
            + self.names.capacity() * size_of::<Text>()
    }

    /// What it has cost to parse it, in microseconds.
    pub fn parsing(&self) -> u64 {
        self.time
    }

    /// Number of instructions.
    pub fn instructions(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn text(&self, text: Text) -> &str {
        &self.source[text.start as usize..text.end as usize]
    }

    pub(crate) fn name(&self, name: Name) -> &str {
        self.text(self.names[name.0 as usize])
    }

    pub(crate) fn instr(&self, id: NodeId) -> &Instr {
        &self.nodes[id.0 as usize]
    }

    pub(crate) fn call(&self, id: CallId) -> &Call {
        &self.calls[id.0 as usize]
    }

    pub(crate) fn lens(&self, id: LensId) -> &Lens {
        &self.lenses[id.0 as usize]
    }

    pub(crate) fn lens_text(&self, id: LensId) -> &str {
        &self.lens_texts[self.lens(id).text.clone()]
    }

    pub(crate) fn lens_accessors(&self, accessors: &Range<u32>) -> &[Accessor] {
        &self.accessors[accessors.start as usize..accessors.end as usize]
    }

    pub(crate) fn arguments(&self, arguments: &Range<u32>) -> &[Operand] {
        &self.operands[arguments.start as usize..arguments.end as usize]
    }
}

/// A range of the source, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A name with its sigil, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) u32);

/// An instruction, by its number in the order of their opening parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(crate) u32);

/// A lens, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LensId(pub(crate) u32);

/// All streams, or maps, of one name, by number: see [`StreamRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) u32);

/// The head of a `call`, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId(pub(crate) u32);

/// An instruction's head and children.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instr {
    /// Much larger than all others, so it is kept apart.
    Call(CallId),
    Ap {
        argument: Operand,
        output: Output,
    },
    ApMap {
        key: Operand,
        value: Operand,
        map: StreamRef,
    },
    Canon {
        peer: Operand,
        stream: StreamRef,
        output: CanonOutput,
    },
    Seq {
        left: NodeId,
        right: NodeId,
    },
    Par {
        left: NodeId,
        right: NodeId,
    },
    Xor {
        left: NodeId,
        right: NodeId,
    },
    Match {
        left: Operand,
        right: Operand,
        body: NodeId,
    },
    Mismatch {
        left: Operand,
        right: Operand,
        body: NodeId,
    },
    Fold {
        iterable: Iterable,
        iterator: Name,
        body: NodeId,
        last: Option<NodeId>,
    },
    Next {
        iterator: Name,
    },
    New {
        variable: Variable,
        body: NodeId,
        /// The first instruction behind it: those from here to there stand in it.
        end: NodeId,
    },
    Fail(FailBody),
    Never,
    Null,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) peer: Operand,
    pub(crate) service: Operand,
    pub(crate) function: Operand,
    pub(crate) arguments: Range<u32>,
    pub(crate) output: Output,
}

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    None,
    Scalar(Name),
    Stream(StreamRef),
}

/// A use of a stream or a map. Which of the streams of its name is meant is known when it runs: it
/// depends on where the use stands and on which `new` are open then (AIR spec section 4.11).
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamRef {
    pub(crate) name: Name,
    pub(crate) slot: Slot,
    /// The instruction it stands in.
    pub(crate) at: NodeId,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum CanonOutput {
    /// A stream becomes a canon stream.
    Canon(Name),
    /// A map becomes a canon map.
    Map(Name),
    /// A map becomes an object.
    Scalar(Name),
}

/// A readable value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    InitPeerId,
    Timestamp,
    Ttl,
    LastError(Option<LensId>),
    Error(Option<LensId>),
    /// Without its quotes.
    Literal(Text),
    Int(i64),
    Float(f64),
    Bool(bool),
    EmptyArray,
    Scalar(Name, Option<LensId>),
    Canon(Name, Option<LensId>),
    CanonMap(Name, Option<LensId>),
}

/// What a fold runs over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Iterable {
    /// A scalar, canon stream, canon map or `[]`.
    Value(Operand),
    /// A stream or a map.
    Stream(StreamRef),
}

/// What `new` renews.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variable {
    Scalar(Name),
    Canon(Name),
    CanonMap(Name),
    Stream(StreamRef),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum FailBody {
    /// A code and a message without its quotes.
    Literal(i64, Text),
    /// A scalar, a canon stream with a lens, or an error.
    Value(Operand),
}

/// A lens with its normalised text, a range of [`Script::lens_texts`].
#[derive(Clone, Debug)]
pub(crate) struct Lens {
    pub(crate) kind: LensKind,
    pub(crate) text: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum LensKind {
    Length,
    /// Never empty; a range of [`Script::accessors`].
    Path(Range<u32>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Accessor {
    Index(u32),
    Field(Text),
    /// The value of a scalar.
    Scalar(Name),
}
