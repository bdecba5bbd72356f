//! Random scripts, the peers they run on and the services they call.

use std::sync::LazyLock;

use basalt_air::{CallResult, Key};

/// A small generator (xorshift64*): tests must not depend on a library's choice of numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'t, T: ?Sized>(&mut self, items: &[&'t T]) -> &'t T {
        items[self.below(items.len())]
    }
}

/// What scripts may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// All that the language promises to merge: errors are caught where they arise, no argument
    /// depends on the order of deliveries, no fold adds to the stream it runs over.
    Tame,
    /// Anything that parses.
    Wild,
    /// A wild script that is damaged in a few places: it need not parse.
    Damaged,
}

/// The style of a seed's script, where all styles are wanted.
pub fn style(seed: u64) -> Style {
    match seed % 4 {
        0 => Style::Tame,
        1 => Style::Damaged,
        _ => Style::Wild,
    }
}

/// A random well-formed script over some peers.
pub fn script(seed: u64, peers: &[String], style: Style) -> String {
    let is_damaged = style == Style::Damaged;
    let mut writer = Writer {
        random: Random::new(seed),
        peers,
        style: if is_damaged { Style::Wild } else { style },
        scalars: Vec::new(),
        iterators: Vec::new(),
        canons: Vec::new(),
        canon_maps: Vec::new(),
        folded: Vec::new(),
        names: 0,
    };
    let peer = writer.some_peer();
    let mut body = writer.instruction(5);
    if style == Style::Tame {
        body = format!("(xor {body} (null))");
    }
    // Streams and maps exist from the start, so that no use is undefined. `$s2` does not: what adds
    // to it in a `new`, or behind one, makes it.
    let script = format!(
        "(seq (seq (seq (ap 0 $s0) (ap (\"k\" 1) %m0)) (call {peer} (\"test\" \"echo\") [1] $s1)) {body})"
    );
    match is_damaged {
        true => damaged(script, &mut writer.random),
        false => script,
    }
}

/// Words that a script is damaged with.
const WORDS: [&str; 34] = [
    "seq",
    "par",
    "xor",
    "fold",
    "next",
    "new",
    "match",
    "null",
    "(null)",
    "i1",
    "i2",
    "x1",
    "$s0",
    "%m0",
    "#canon1",
    "#%map1",
    "1",
    "-1",
    "1.5",
    "1.$.a",
    ":error:.$.a!.b",
    ":%m",
    "x1.$.a\u{e9}b",
    "x1.$.[\u{e9}]",
    "a%x",
    "_x",
    "[]",
    "\"",
    "(",
    ")",
    "%last_error%.$.b!",
    "+3",
    ".5",
    "%ttl%",
];

/// Damages a script in a few places: words go, come twice, come from elsewhere, or are exchanged.
fn damaged(script: String, random: &mut Random) -> String {
    let mut words: Vec<String> = Vec::new();
    for char in script.chars() {
        match (char, words.last_mut()) {
            (' ' | '(' | ')' | '[' | ']', _) => words.push(char.into()),
            (_, Some(last)) if !last.starts_with([' ', '(', ')', '[', ']']) => last.push(char),
            _ => words.push(char.into()),
        }
    }
    for _ in 0..1 + random.below(3) {
        let (at, other) = (random.below(words.len()), random.below(words.len()));
        match random.below(5) {
            0 => words[at] = String::new(),
            1 => words[at] = words[other].clone(),
            2 => words.swap(at, other),
            3 => words[at] = WORDS[random.below(WORDS.len())].into(),
            _ => words.insert(at, format!(" {} ", WORDS[random.below(WORDS.len())])),
        }
    }
    words.concat()
}

/// Writes scripts: each variable is set once, before it is used in the text.
struct Writer<'p> {
    random: Random,
    peers: &'p [String],
    style: Style,
    scalars: Vec<String>,
    iterators: Vec<String>,
    canons: Vec<String>,
    canon_maps: Vec<String>,
    /// Streams and maps that an open fold runs over.
    folded: Vec<String>,
    names: usize,
}

impl Writer<'_> {
    fn wild(&mut self, chances: usize) -> bool {
        self.style == Style::Wild && self.random.one_in(chances)
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn some_peer(&mut self) -> String {
        format!("\"{}\"", self.peers[self.random.below(self.peers.len())])
    }

    fn peer(&mut self) -> String {
        if self.wild(25) {
            return self.value_of_any_kind();
        }
        if self.random.one_in(12) {
            return "%init_peer_id%".into();
        }
        self.some_peer()
    }

    /// A value where only a variable or a literal may stand.
    fn value_of_any_kind(&mut self) -> String {
        for _ in 0..20 {
            let value = self.value();
            let whole_canon = value.starts_with('#') && !value.contains('.');
            if value.starts_with(|char: char| char.is_ascii_alphabetic() || char == '"')
                && !["true", "false"].contains(&&*value)
                || value.starts_with('#') && !whole_canon
            {
                return value;
            }
        }
        "\"text\"".into()
    }

    fn stream(&mut self) -> String {
        match self.wild(8) {
            true => "$s2".into(),
            false => format!("$s{}", self.random.below(2)),
        }
    }

    /// `%m1` is not there at the start, like `$s2`.
    fn map(&mut self) -> String {
        match self.wild(8) {
            true => "%m1".into(),
            false => "%m0".into(),
        }
    }

    /// A name for something new; now and then one that is taken.
    fn output(&mut self) -> String {
        if self.wild(25) {
            let names = [self.scalars.clone(), self.iterators.clone()].concat();
            if !names.is_empty() {
                return names[self.random.below(names.len())].clone();
            }
        }
        let name = self.name("x");
        self.scalars.push(name.clone());
        name
    }

    fn value(&mut self) -> String {
        let scalars = [self.scalars.clone(), self.iterators.clone()].concat();
        match self.random.below(14) {
            0 => self.random.below(5).to_string(),
            1 => ["%init_peer_id%", "%timestamp%", "%ttl%", "true", "[]"][self.random.below(5)]
                .into(),
            2 => self
                .random
                .pick(&[
                    "-7",
                    "1.5",
                    "\"\"",
                    "false",
                    "9007199254740993",
                    "-9223372036854775808",
                    "9223372036854775807",
                    "-0.0",
                    "0.1",
                    "123456.7890",
                    "-0",
                    "+1",
                    "\"\u{e9}\u{1f600}\"",
                    "\"a\\b\"",
                    "\"with\ttab\"",
                ])
                .to_owned(),
            3 if self.style == Style::Wild => [
                ":error:",
                "%last_error%",
                ":error:.$.error_code",
                ":error:.$.message",
                "%last_error%.$.instruction",
                "%last_error%.$.peer_id",
                ":error:.$.absent",
                ":error:.length",
                "%last_error%.length",
                ":error:.$.instruction",
                ":error:.$.peer_id",
                "%last_error%.$.message.[0]",
            ][self.random.below(12)]
            .into(),
            4 if self.style == Style::Wild && !scalars.is_empty() => {
                let accessor = &scalars[self.random.below(scalars.len())];
                let base = match self.random.below(3) {
                    0 => ":error:",
                    1 => "%last_error%",
                    _ => &scalars[self.random.below(scalars.len())],
                };
                format!("{base}.$.[{accessor}]")
            }
            5 if self.wild(2) && !scalars.is_empty() => self.deep_lens(&scalars),
            5 | 6 if !scalars.is_empty() => {
                let scalar = &scalars[self.random.below(scalars.len())];
                let lens = self.random.pick(&[
                    ".$.[0]",
                    ".$.a",
                    ".$.b.[0]",
                    ".$.[1].[0]",
                    ".$.b!",
                    ".$.[2]",
                    ".$.[1]",
                    ".length",
                ]);
                format!("{scalar}{lens}")
            }
            7 if !self.canons.is_empty() => {
                let canon = &self.canons[self.random.below(self.canons.len())];
                let lens = self
                    .random
                    .pick(&[".$.[0]", ".length", ".$.[1].a", ".$.[0].[0]"]);
                format!("{canon}{lens}")
            }
            8 if !self.canon_maps.is_empty() => {
                let map = &self.canon_maps[self.random.below(self.canon_maps.len())];
                let lens = self.random.pick(&[
                    ".$.k",
                    ".length",
                    ".$.k.[0]",
                    ".$.[3]",
                    ".$.a.[0].b",
                    ".$.z",
                ]);
                format!("{map}{lens}")
            }
            9 if !self.canons.is_empty() => {
                self.canons[self.random.below(self.canons.len())].clone()
            }
            10 if !self.canon_maps.is_empty() => {
                self.canon_maps[self.random.below(self.canon_maps.len())].clone()
            }
            _ if !scalars.is_empty() => scalars[self.random.below(scalars.len())].clone(),
            _ => format!("\"literal {}\"", self.random.below(3)),
        }
    }

    /// A lens with scalars behind its first accessor: not looked at when the first is wrong.
    fn deep_lens(&mut self, scalars: &[String]) -> String {
        let accessor = scalars[self.random.below(scalars.len())].clone();
        let bases = [
            self.canons.as_slice(),
            self.canon_maps.as_slice(),
            scalars,
            &[":error:".into(), "%last_error%".into()],
        ]
        .concat();
        let base = &bases[self.random.below(bases.len())];
        let lens = self.random.pick(&[
            ".$.b.[A]",
            ".$.[0].[A]",
            ".$.[A].b",
            ".$.[A].[A]",
            ".$.absent.[A]",
            ".$.k.[A]",
            ".$.[A].[0].[A]",
        ]);
        format!("{base}{}", lens.replace('A', &accessor))
    }

    /// An argument of a call. A call whose arguments are not known is passed on; if they turn out
    /// to be none there is no call. A tame script does not do that.
    fn argument(&mut self) -> String {
        loop {
            let value = self.value();
            let may_fail =
                value.contains(".$.") || (value.contains(".length") && !value.starts_with('#'));
            if self.style == Style::Wild || !may_fail {
                return value;
            }
        }
    }

    fn call(&mut self) -> String {
        let peer = self.peer();
        let arguments: Vec<String> = (0..self.random.below(4)).map(|_| self.argument()).collect();
        let functions: &[&str] = match self.style {
            Style::Tame => &["echo", "list", "fail", "fixed", "pair"],
            _ => &[
                "echo", "list", "fail", "fixed", "pair", "numbers", "garbage", "failure",
                "unicode", "deep", "blanks", "keys", "empty", "nothing", "negative", "long",
                "text", "index", "huge",
            ],
        };
        let function = match self.wild(30) {
            true => self.value_of_any_kind(),
            false => format!("\"{}\"", self.random.pick(functions)),
        };
        let output = match self.random.below(4) {
            0 => String::new(),
            1 => self.open_stream().unwrap_or_default(),
            _ => self.output(),
        };
        let service = match self.wild(30) {
            true => self.value_of_any_kind(),
            false => "\"test\"".into(),
        };
        format!(
            "(call {peer} ({service} {function}) [{}] {output})",
            arguments.join(" ")
        )
    }

    /// A stream to add to.
    fn open_stream(&mut self) -> Option<String> {
        let stream = self.stream();
        (self.style == Style::Wild || !self.folded.contains(&stream)).then_some(stream)
    }

    fn ap(&mut self) -> String {
        let value = self.value();
        if value.starts_with("#%") && !value.contains('.') {
            return "(null)".into();
        }
        if self.random.one_in(3) {
            let map = self.map();
            if self.style == Style::Tame && self.folded.contains(&map) {
                return "(null)".into();
            }
            let key = match self.wild(4) {
                true => self.value_of_any_kind(),
                false => self
                    .random
                    .pick(&[
                        "\"k\"",
                        "\"a\"",
                        "3",
                        "\"3\"",
                        "-3",
                        "\"-3\"",
                        "\"\"",
                        "\"\u{e9}\"",
                        "0",
                    ])
                    .to_owned(),
            };
            let key = match key.starts_with("#%") {
                true => "\"z\"".into(),
                false => key,
            };
            return format!("(ap ({key} {value}) {map})");
        }
        if self.random.one_in(3) {
            let name = self.output();
            return format!("(ap {value} {name})");
        }
        match self.open_stream() {
            Some(stream) => format!("(ap {value} {stream})"),
            None => "(null)".into(),
        }
    }

    fn leaf(&mut self) -> String {
        match self.random.below(10) {
            0..=2 => self.ap(),
            3 => "(null)".into(),
            4 if self.style == Style::Wild => match self.random.below(5) {
                0 => "(never)".into(),
                1 => self
                    .random
                    .pick(&[
                        "(fail 1337 \"a text\")",
                        "(fail -1 \"\")",
                        "(fail 9223372036854775807 \"\u{e9}\")",
                        "(fail 10000 \"match\")",
                        "(fail 1 \"it's\")",
                    ])
                    .to_owned(),
                2 => "(fail :error:)".into(),
                3 => "(fail %last_error%)".into(),
                _ => match self.value_of_any_kind() {
                    value if value.starts_with('"') || value.starts_with("#%") => {
                        "(fail 7 \"\")".into()
                    }
                    value => format!("(fail {value})"),
                },
            },
            _ => self.call(),
        }
    }

    fn instruction(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf();
        }
        let deep = self.iterators.len() >= 2;
        match self.random.below(18) {
            0..=3 => self.pair("seq", depth),
            4..=6 => self.pair("par", depth),
            7 | 8 => self.pair("xor", depth),
            9 => {
                let (peer, stream, canon) = (self.peer(), self.stream(), self.name("#canon"));
                self.canons.push(canon.clone());
                let rest = self.instruction(depth - 1);
                format!("(seq (canon {peer} {stream} {canon}) {rest})")
            }
            10 => {
                let (peer, map) = (self.peer(), self.map());
                let output = match self.random.one_in(3) {
                    true => self.name("x"),
                    false => self.name("#%map"),
                };
                match output.starts_with('x') {
                    true => self.scalars.push(output.clone()),
                    false => self.canon_maps.push(output.clone()),
                }
                let rest = self.instruction(depth - 1);
                format!("(seq (canon {peer} {map} {output}) {rest})")
            }
            11 if !self.canons.is_empty() && !deep => {
                let canon = self.canons[self.random.below(self.canons.len())].clone();
                self.fold(&canon, depth)
            }
            12 if !self.canon_maps.is_empty() && !deep => {
                let map = self.canon_maps[self.random.below(self.canon_maps.len())].clone();
                self.fold(&map, depth)
            }
            13 if !deep => {
                let stream = self.stream();
                self.fold_stream(&stream, depth)
            }
            14 if !deep => {
                let map = self.map();
                self.fold_stream(&map, depth)
            }
            15 if !self.scalars.is_empty() && !deep => {
                let mut scalar = self.scalars[self.random.below(self.scalars.len())].clone();
                if self.wild(3) {
                    scalar = self.iterable().unwrap_or(scalar);
                }
                self.fold(&scalar, depth)
            }
            16 if self.wild(3) => {
                let names = [
                    self.scalars.as_slice(),
                    &self.canons,
                    &self.canon_maps,
                    &self.iterators,
                ]
                .concat();
                let name = match names.is_empty() {
                    true => "x0".into(),
                    false => names[self.random.below(names.len())].clone(),
                };
                let body = self.instruction(depth - 1);
                format!("(new {name} {body})")
            }
            16 => {
                let stream = match self.random.one_in(3) {
                    true => self.map(),
                    false => self.stream(),
                };
                // Within, the name stands for another stream.
                let folded = self.folded.clone();
                self.folded.retain(|open| *open != stream);
                let body = self.instruction(depth - 1);
                self.folded = folded;
                format!("(new {stream} {body})")
            }
            _ => {
                let (left, right) = (self.value(), self.value());
                let body = self.instruction(depth - 1);
                let test = ["match", "mismatch"][self.random.below(2)];
                let test = format!("({test} {left} {right} {body})");
                if self.wild(3) {
                    return test;
                }
                let other = self.instruction(0);
                format!("(xor {test} {other})")
            }
        }
    }

    /// What a fold may run over beside whole variables.
    fn iterable(&mut self) -> Option<String> {
        if self.random.one_in(5) {
            return Some("[]".into());
        }
        (0..20).map(|_| self.value()).find(|value| {
            let is_scalar = value.starts_with(|char: char| char.is_ascii_alphabetic());
            (is_scalar && value.contains(".$")) || (value.starts_with("#%") && value.contains('.'))
        })
    }

    fn pair(&mut self, name: &str, depth: usize) -> String {
        let left = self.instruction(depth - 1);
        let right = self.instruction(depth - 1);
        format!("({name} {left} {right})")
    }

    fn fold_stream(&mut self, over: &str, depth: usize) -> String {
        self.folded.push(over.into());
        let fold = self.fold(over, depth);
        self.folded.pop();
        fold
    }

    fn fold(&mut self, over: &str, depth: usize) -> String {
        let iterator = match self.wild(25) && !self.iterators.is_empty() {
            true => self.iterators[self.random.below(self.iterators.len())].clone(),
            false => self.name("i"),
        };
        let (scalars, canons, maps) =
            (self.scalars.len(), self.canons.len(), self.canon_maps.len());
        self.iterators.push(iterator.clone());
        let mut body = self.instruction(depth - 1);
        let over_stream = over.starts_with(['$', '%']);
        if self.style == Style::Tame {
            body = format!("(xor {body} (null))");
        }
        let mut next = format!("(next {iterator})");
        if self.wild(20) {
            let other = &self.iterators[self.random.below(self.iterators.len())];
            next = format!("(next {other})");
        }
        let next = match self.random.below(30) {
            _ if self.style == Style::Tame => next,
            0..=3 => format!("(xor {next} (null))"),
            4 => format!("(xor (seq {next} (fail 1 \"behind next\")) (null))"),
            5 => format!("(par {next} (fail 2 \"beside next\"))"),
            6 => format!("(new {} {next})", self.stream()),
            7 => format!("(seq (new {} {next}) {})", self.stream(), self.leaf()),
            8 => format!("(new {} {next})", self.map()),
            9 => format!("(xor {next} {})", self.leaf()),
            _ => next,
        };
        let step = match self.random.below(6) {
            0 if !over_stream => format!("(seq {next} {body})"),
            1 if !over_stream => format!("(par {next} {body})"),
            2 if self.style == Style::Wild => format!("(xor {body} {next})"),
            3 if self.style == Style::Wild => format!("(xor (seq {body} {next}) (null))"),
            4 | 5 => format!("(seq {body} {next})"),
            _ => format!("(par {body} {next})"),
        };
        let last = match self.random.below(3) {
            0 if self.style == Style::Tame => format!("(xor {} (null))", self.leaf()),
            0 => self.leaf(),
            1 => "(null)".into(),
            _ => String::new(),
        };
        self.iterators.pop();
        // What a body sets is not seen behind the fold.
        self.scalars.truncate(scalars);
        self.canons.truncate(canons);
        self.canon_maps.truncate(maps);
        format!("(fold {over} {iterator} {step} {last})")
    }
}

/// A deterministic service.
pub fn serve(function: &str, arguments: &str) -> CallResult {
    let (ret_code, result) = match function {
        "echo" => (0, arguments.to_owned()),
        "list" => (0, format!("[{arguments},1.5,null]")),
        "fixed" => (0, "{\"b\":[true],\"a\":\"x\"}".to_owned()),
        "pair" => (0, "[0,{\"error_code\":5,\"message\":\"m\"}]".to_owned()),
        "numbers" => (
            0,
            "[1e21,-0.0,1.0,1e-7,18446744073709551616,-9223372036854775808,0.1,\
             0.12379999458789825,123456789.123456789e-300,2.2250738585072011e-308]"
                .to_owned(),
        ),
        "failure" => (
            0,
            "{\"message\":\"of a service\",\"error_code\":42}".to_owned(),
        ),
        "huge" => (
            0,
            "{\"message\":\"\",\"error_code\":9223372036854775808}".to_owned(),
        ),
        "garbage" => (0, "not JSON".to_owned()),
        "unicode" => (
            0,
            "{\"\u{e9}\":[\"\\u00e9\u{1f600}\",\"\\ud83d\\ude00\\/\\b\"],\"k\":\"\u{7f}\"}"
                .to_owned(),
        ),
        "deep" => (0, "[".repeat(120) + "1" + &"]".repeat(120)),
        "blanks" => (0, " { \"b\" : [ 1 , 2.50 ] ,\n\"a\":\tnull } ".to_owned()),
        "keys" => (
            0,
            "[{\"b\":1,\"a\":2,\"b\":3},{\"key\":\"k\",\"value\":[1]},{\"\":{}},[[]],[]]"
                .to_owned(),
        ),
        "empty" => (0, "[]".to_owned()),
        "nothing" => (0, String::new()),
        "negative" => (-7, "\"negative\"".to_owned()),
        "long" => (
            0,
            format!("[{}]", "\"some longer text\",".repeat(40) + "{}"),
        ),
        "text" => (0, "\"a\"".to_owned()),
        "index" => (0, "1".to_owned()),
        _ => (3, "\"refused\"".to_owned()),
    };
    CallResult { ret_code, result }
}

/// Three peers.
pub fn keys() -> Vec<(String, Key)> {
    static KEYS: LazyLock<Vec<(String, Key)>> = LazyLock::new(|| {
        let keys = (1..=3).map(|seed| Key::ed25519(&[seed; 32]));
        keys.map(|key| (key.peer_id().unwrap(), key)).collect()
    });
    KEYS.clone()
}
