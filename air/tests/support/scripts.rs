//! Random scripts, the peers they run on and the service they call.

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
}

/// Writes scripts: each variable is set once, before it is used in the text.
struct Writer<'p> {
    random: Random,
    peers: &'p [String],
    scalars: Vec<String>,
    iterators: Vec<String>,
    canons: Vec<String>,
    streams: usize,
    names: usize,
}

impl Writer<'_> {
    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn peer(&mut self) -> String {
        format!("\"{}\"", self.peers[self.random.below(self.peers.len())])
    }

    fn value(&mut self) -> String {
        let scalars = [self.scalars.clone(), self.iterators.clone()].concat();
        match self.random.below(9) {
            0 => self.random.below(5).to_string(),
            7 if !scalars.is_empty() => {
                let lens = ["[0]", "a", "b.[0]", "[1].[0]"][self.random.below(4)];
                format!("{}.$.{lens}", scalars[self.random.below(scalars.len())])
            }
            8 if !self.canons.is_empty() => {
                let canon = &self.canons[self.random.below(self.canons.len())];
                let lens = [".$.[0]", ".length", ".$.[1].a"][self.random.below(3)];
                format!("{canon}{lens}")
            }
            1 => "%init_peer_id%".into(),
            2 => ":error:".into(),
            3 if !self.canons.is_empty() => {
                self.canons[self.random.below(self.canons.len())].clone()
            }
            4 | 5 if !scalars.is_empty() => scalars[self.random.below(scalars.len())].clone(),
            _ => format!("\"literal {}\"", self.random.below(3)),
        }
    }

    fn call(&mut self) -> String {
        let (peer, arguments) = (self.peer(), [self.value(), self.value()].join(" "));
        let function = ["echo", "list", "fail", "fixed"][self.random.below(4)];
        let output = match self.random.below(4) {
            0 => String::new(),
            1 => format!("$s{}", self.random.below(self.streams)),
            _ => self.name("x"),
        };
        let call = format!("(call {peer} (\"test\" \"{function}\") [{arguments}] {output})");
        if output.starts_with('x') {
            self.scalars.push(output);
        }
        call
    }

    fn instruction(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.random.below(8) {
                0 => format!(
                    "(ap {} $s{})",
                    self.value(),
                    self.random.below(self.streams)
                ),
                1 => "(null)".into(),
                _ => self.call(),
            };
        }
        match self.random.below(16) {
            0..=3 => self.pair("seq", depth),
            4..=6 => self.pair("par", depth),
            7 | 8 => self.pair("xor", depth),
            9 => {
                let stream = format!("$s{}", self.random.below(self.streams));
                let (peer, canon) = (self.peer(), self.name("#canon"));
                let canonicalise = format!("(canon {peer} {stream} {canon})");
                self.canons.push(canon);
                format!("(seq {canonicalise} {})", self.instruction(depth - 1))
            }
            10 if !self.canons.is_empty() && self.iterators.len() < 2 => {
                let canon = self.canons[self.random.below(self.canons.len())].clone();
                self.fold(&canon, depth)
            }
            11 | 12 if self.iterators.len() < 2 => {
                let stream = format!("$s{}", self.random.below(self.streams));
                self.fold(&stream, depth)
            }
            13 if !self.scalars.is_empty() && self.iterators.len() < 2 => {
                let scalar = self.scalars[self.random.below(self.scalars.len())].clone();
                self.fold(&scalar, depth)
            }
            14 => {
                let stream = format!("$s{}", self.random.below(self.streams));
                format!("(new {stream} {})", self.instruction(depth - 1))
            }
            _ => {
                let (left, right) = (self.value(), self.value());
                let body = self.instruction(depth - 1);
                let test = ["match", "mismatch"][self.random.below(2)];
                format!(
                    "(xor ({test} {left} {right} {body}) {})",
                    self.instruction(0)
                )
            }
        }
    }

    fn pair(&mut self, name: &str, depth: usize) -> String {
        format!(
            "({name} {} {})",
            self.instruction(depth - 1),
            self.instruction(depth - 1)
        )
    }

    fn fold(&mut self, over: &str, depth: usize) -> String {
        let iterator = self.name("i");
        let (scalars, canons) = (self.scalars.len(), self.canons.len());
        self.iterators.push(iterator.clone());
        let body = self.instruction(depth - 1);
        let with = ["par", "seq"][self.random.below(2)];
        let last = match self.random.below(3) {
            0 => self.instruction(0),
            1 => "(null)".into(),
            _ => String::new(),
        };
        self.iterators.pop();
        // What a body sets is not seen behind the fold.
        self.scalars.truncate(scalars);
        self.canons.truncate(canons);
        format!("(fold {over} {iterator} ({with} {body} (next {iterator})) {last})")
    }
}

/// A random well-formed script over some peers.
pub fn script(seed: u64, peers: &[String]) -> String {
    let mut writer = Writer {
        random: Random::new(seed),
        peers,
        scalars: Vec::new(),
        iterators: Vec::new(),
        canons: Vec::new(),
        streams: 2,
        names: 0,
    };
    let body = writer.instruction(4);
    let peer = writer.peer();
    // Streams exist from the start, so that no use is undefined.
    format!("(seq (seq (ap 0 $s0) (call {peer} (\"test\" \"echo\") [1] $s1)) {body})")
}

/// A deterministic service.
pub fn serve(function: &str, arguments: &str) -> CallResult {
    match function {
        "echo" => CallResult {
            ret_code: 0,
            result: arguments.into(),
        },
        "list" => CallResult {
            ret_code: 0,
            result: format!("[{arguments},1.5,null]"),
        },
        "fixed" => CallResult {
            ret_code: 0,
            result: "{\"b\":[true],\"a\":\"x\"}".into(),
        },
        _ => CallResult {
            ret_code: 3,
            result: "\"refused\"".into(),
        },
    }
}

/// Three peers.
pub fn keys() -> Vec<(String, Key)> {
    (0..3u8)
        .map(|index| {
            let key = Key::ed25519(&[index + 1; 32]);
            (key.peer_id().unwrap(), key)
        })
        .collect()
}
