//! Constructs that a rule of the interpreter is about, and which of them a script has: so that the
//! generator of random scripts can be seen to make them all.

use std::vec;
use std::vec::Vec;

/// A word, or what stands between parentheses or brackets.
enum Node<'a> {
    Word(&'a str),
    List(Vec<Node<'a>>),
}

impl<'a> Node<'a> {
    fn word(&self) -> &'a str {
        match self {
            Node::Word(word) => word,
            Node::List(_) => "",
        }
    }

    fn list(&self) -> &[Node<'a>] {
        match self {
            Node::Word(_) => &[],
            Node::List(nodes) => nodes,
        }
    }

    /// The instruction's name.
    fn name(&self) -> &'a str {
        self.list().first().map_or("", Node::word)
    }

    fn child(&self, index: usize) -> &Node<'a> {
        self.list().get(index).unwrap_or(&Node::Word(""))
    }

    fn any(&self, holds: &mut dyn FnMut(&Node<'a>) -> bool) -> bool {
        holds(self) || self.list().iter().any(|node| node.any(holds))
    }

    fn words(&self, holds: &dyn Fn(&str) -> bool) -> bool {
        self.any(&mut |node| holds(node.word()))
    }

    /// Whether a `next` of a fold around this is within.
    fn goes_on(&self) -> bool {
        match self.name() {
            "next" => true,
            "fold" => {
                let own = self.child(2).word();
                let mut other =
                    |node: &Node<'_>| node.name() == "next" && node.child(1).word() != own;
                self.any(&mut other)
            }
            _ => self.list().iter().any(Node::goes_on),
        }
    }
}

/// Reads a script, damaged ones too: what is not closed ends with the text.
fn read(script: &str) -> Node<'_> {
    let mut open = vec![Vec::new()];
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            ' ' | '(' | ')' => 1,
            _ => rest.find([' ', '(', ')']).unwrap_or(rest.len()),
        };
        match first {
            ' ' => {}
            '(' => open.push(Vec::new()),
            ')' if open.len() > 1 => close(&mut open),
            ')' => {}
            _ => open
                .last_mut()
                .expect("one is open")
                .push(Node::Word(&rest[..len])),
        }
        rest = &rest[len..];
    }
    while open.len() > 1 {
        close(&mut open);
    }
    Node::List(open.pop().expect("one is open"))
}

fn close<'a>(open: &mut Vec<Vec<Node<'a>>>) {
    let list = open.pop().expect("one is open");
    open.last_mut()
        .expect("another is open")
        .push(Node::List(list));
}

fn is_error(word: &str) -> bool {
    word.trim_matches(['[', ']']).starts_with(":error:")
        || word.trim_matches(['[', ']']).starts_with("%last_error%")
}

fn is_whole_error(word: &str) -> bool {
    [":error:", "%last_error%"].contains(&word.trim_matches(['[', ']']))
}

/// What stands behind the base of a word, if it is a lens.
fn lens(word: &str) -> &str {
    word.split_once(".$").map_or("", |(_, lens)| lens)
}

/// A name in brackets behind another accessor.
fn has_late_scalar(word: &str) -> bool {
    let mut parts = lens(word).split(".[").skip(1);
    let first_is_scalar = lens(word).starts_with(".[");
    if first_is_scalar {
        parts.next();
    }
    let mut names = parts.filter(|part| part.starts_with(|char: char| char.is_ascii_alphabetic()));
    names.next().is_some()
}

type Construct = (&'static str, fn(&Node<'_>) -> bool);

/// Names of constructs, and how an instruction shows that it is one, or has one.
const CONSTRUCTS: &[Construct] = &[
    ("map key 3", |node| {
        node.name() == "ap" && node.child(1).child(0).word() == "3"
    }),
    ("map key \"3\"", |node| {
        node.name() == "ap" && node.child(1).child(0).word() == "\"3\""
    }),
    ("scalar behind the first accessor", |node| {
        has_late_scalar(node.word())
    }),
    ("scalar behind the first accessor of an error", |node| {
        is_error(node.word()) && has_late_scalar(node.word())
    }),
    ("scalar behind a canon's first accessor", |node| {
        node.word().starts_with('#') && has_late_scalar(node.word())
    }),
    ("new around next", |node| {
        node.name() == "new" && node.goes_on()
    }),
    ("new of a map around next", |node| {
        node.name() == "new" && node.child(1).word().starts_with('%') && node.goes_on()
    }),
    ("stream that only a new has", |node| {
        node.name() == "ap" && node.child(2).word() == "$s2"
    }),
    ("fold whose last instruction adds to a stream", |node| {
        node.name() == "fold" && node.child(4).words(&|word| word.starts_with('$'))
    }),
    ("xor around next", |node| {
        node.name() == "xor" && node.child(1).goes_on()
    }),
    ("par around next", |node| {
        node.name() == "par" && (node.child(1).goes_on() || node.child(2).goes_on())
    }),
    ("error behind next, caught", |node| {
        let left = node.child(1);
        node.name() == "xor"
            && left.name() == "seq"
            && left.child(1).goes_on()
            && left.child(2).name() == "fail"
    }),
    ("two next in a row", |node| {
        node.name() == "seq" && node.child(1).goes_on() && node.child(2).goes_on()
    }),
    ("whole error as an argument", |node| {
        node.name() == "call" && node.list().iter().any(|node| is_whole_error(node.word()))
    }),
    ("error to a stream or map", |node| {
        node.name() == "ap" && node.words(&is_error) && node.child(2).word().starts_with(['$', '%'])
    }),
    ("error to a scalar", |node| {
        node.name() == "ap"
            && is_whole_error(node.child(1).word())
            && node.child(2).word().starts_with('x')
    }),
    ("error compared", |node| {
        ["match", "mismatch"].contains(&node.name()) && is_error(node.child(1).word())
    }),
    ("fail of an object", |node| {
        node.name() == "fail" && node.child(1).word().starts_with('x')
    }),
    ("fail of an object by lens", |node| {
        node.name() == "fail"
            && node.child(1).word().starts_with('x')
            && node.child(1).word().contains(".$")
    }),
    ("fail %last_error%", |node| {
        node.name() == "fail" && node.child(1).word() == "%last_error%"
    }),
    ("fail :error:", |node| {
        node.name() == "fail" && node.child(1).word() == ":error:"
    }),
    ("fail :error: behind a failing par", |node| {
        node.name() == "seq"
            && node.child(1).name() == "par"
            && node.child(1).any(&mut |node| node.name() == "fail")
            && node
                .child(2)
                .any(&mut |node| node.name() == "fail" && node.child(1).word() == ":error:")
    }),
    ("object with a code of 64 bits", |node| {
        node.name() == "call" && node.child(2).words(&|word| word == "\"huge\"")
    }),
    ("fold over a canon map", |node| {
        node.name() == "fold"
            && node.child(1).word().starts_with("#%")
            && !node.child(1).word().contains('.')
    }),
    ("fold over a canon map's lens", |node| {
        node.name() == "fold"
            && node.child(1).word().starts_with("#%")
            && node.child(1).word().contains(".$")
    }),
    ("fold over a canon map's length", |node| {
        node.name() == "fold"
            && node.child(1).word().starts_with("#%")
            && node.child(1).word().ends_with(".length")
    }),
    ("fold without next of its own", |node| {
        let own = node.child(2).word();
        node.name() == "fold"
            && !node.any(&mut |inner| inner.name() == "next" && inner.child(1).word() == own)
    }),
    ("instruction behind next in a stream's fold", |node| {
        let step = node.child(3);
        node.name() == "fold"
            && node.child(1).word().starts_with('$')
            && step.name() == "seq"
            && step.child(1).goes_on()
    }),
    ("lens on a number", |node| node.word() == "1.$.a"),
    ("! in a lens of an error", |node| {
        is_error(node.word()) && node.word().contains('!')
    }),
    ("name in a lens that is not ASCII", |node| {
        !node.word().starts_with('"') && !lens(node.word()).is_ascii()
    }),
    ("percent sign in the second place", |node| {
        node.word().starts_with(":%")
    }),
    ("canon of a map to a scalar", |node| {
        node.name() == "canon"
            && node.child(2).word().starts_with('%')
            && node.child(3).word().starts_with('x')
    }),
    ("new of a scalar", |node| {
        node.name() == "new" && node.child(1).word().starts_with('x')
    }),
    ("new of a canon", |node| {
        node.name() == "new" && node.child(1).word().starts_with('#')
    }),
];

const INSTRUCTIONS: [&str; 14] = [
    "call", "ap", "canon", "seq", "par", "xor", "match", "mismatch", "fold", "next", "new", "fail",
    "never", "null",
];

/// The names of all instructions and constructs.
pub fn all() -> impl Iterator<Item = &'static str> {
    let constructs = CONSTRUCTS.iter().map(|(name, _)| *name);
    INSTRUCTIONS.into_iter().chain(constructs)
}

/// Those that a script has, each once.
pub fn of(script: &str) -> Vec<&'static str> {
    let node = read(script);
    let instructions = INSTRUCTIONS.into_iter();
    let instructions = instructions.filter(|name| node.any(&mut |node| node.name() == *name));
    let constructs = CONSTRUCTS.iter();
    let constructs = constructs.filter(|(_, holds)| node.any(&mut |node| holds(node)));
    instructions
        .chain(constructs.map(|(name, _)| *name))
        .collect()
}
