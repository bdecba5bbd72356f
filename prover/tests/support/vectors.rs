//! Checks recorded vectors: takes any file of the recorded schemas, recognises which one it is.
//!
//! It needs of `std` only what `alloc` has, and the memory that it is given: `basalt-vectors` has
//! it on bare metal too.

use std::fmt::Write as _;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{borrow::ToOwned, format, vec};

use basalt_prover::capacity::{CuId, Difficulty, GlobalNonce, LocalNonce, ResultHash, randomx_key};
use basalt_prover::memory::{Heap, Memory};
use basalt_prover::randomx::blake::{BlakeGenerator, blake2b_256};
use basalt_prover::randomx::params::{PROGRAM_COUNT, SCRATCHPAD_BYTES};
use basalt_prover::randomx::reciprocal::reciprocal;
use basalt_prover::randomx::superscalar::Program;
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{Cache, Dataset, Fluence, Params, Source, Upstream, Vm, aes};
use serde_json::Value;
use sha3::{Digest, Keccak256};

/// Builds a whole dataset.
pub(crate) type Build = fn(&Cache<Fluence>) -> Result<Dataset<Fluence>, String>;

/// How to check, and what came of it.
pub(crate) struct Checker<M> {
    memory: M,
    engine: Engine,
    /// Builds whole datasets where the vectors are about them.
    build: Option<Build>,
    pub(crate) passed: usize,
    pub(crate) failures: Vec<String>,
}

type Outcome = Result<(), String>;

impl<M: Memory + Clone> Checker<M> {
    pub(crate) fn new(memory: M, engine: Engine, build: Option<Build>) -> Self {
        Self {
            memory,
            engine,
            build,
            passed: 0,
            failures: Vec::new(),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String, outcome: Outcome) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(error) => self.failures.push(format!("{}: {error}", what())),
        }
    }

    /// Checks all vectors of a file.
    pub(crate) fn check(&mut self, file: &Value) -> Outcome {
        if file.get("golden").is_some() {
            let outcome = self.mining_run(file);
            self.note(|| "mining run".into(), outcome);
            return Ok(());
        }
        for set in ["fluence", "monero"] {
            if let Some(part) = file.get(set) {
                self.vectors(part)?;
            }
        }
        match file.get("vectors") {
            Some(_) => self.vectors(file),
            None if file.get("fluence").or(file.get("monero")).is_some() => Ok(()),
            None => Err("no vectors in this file".into()),
        }
    }

    fn vectors(&mut self, set: &Value) -> Outcome {
        let accesses = set["params"]["cache_accesses"].as_u64();
        let monero = match accesses {
            Some(8) => true,
            Some(16) | None => false,
            Some(n) => return Err(format!("unknown parameters: {n} cache accesses")),
        };
        let vectors = list(&set["vectors"])?;
        if monero {
            self.keyed::<Upstream>(vectors)
        } else {
            self.keyed::<Fluence>(vectors)
        }
    }

    fn keyed<P: Params>(&mut self, vectors: &[Value]) -> Outcome {
        let mut caches = Caches::<P, M>::new(self.memory.clone(), self.engine);
        for (number, v) in vectors.iter().enumerate() {
            let has = |field: &str| v.get(field).is_some();
            let outcome = if has("divisor") {
                check_reciprocal(v)
            } else if has("next") {
                check_next(v)
            } else if has("first_100_bytes") {
                check_generator(v)
            } else if has("kind") {
                check_aes(v)
            } else if has("meets") {
                check_difficulty(v)
            } else if has("cache_blake2b256") {
                check_cache(caches.get(&bytes(&v["key"])?)?, v)
            } else if has("programs") && has("input") {
                caches.check_trace(v)
            } else if has("programs") {
                check_superscalar(v)
            } else if has("result_hash") {
                caches.check_proof(v)
            } else if has("key") && has("hash") {
                caches.check_hash(&bytes(&v["key"])?, &bytes(&v["input"])?, &v["hash"])
            } else if has("input") && has("hash") {
                let hash: [u8; 32] = Keccak256::digest(bytes(&v["input"])?).into();
                same("hash", &hash, &v["hash"])
            } else {
                return Err(format!("vector {number} is of no known schema"));
            };
            self.note(|| format!("vector {number} ({})", P::NAME), outcome);
        }
        Ok(())
    }

    fn mining_run(&self, v: &Value) -> Outcome {
        let nonce: GlobalNonce = parse(&v["global_nonce"])?;
        let cu: CuId = parse(&v["cu_id"])?;
        let key = randomx_key(&nonce, &cu);
        same("randomx_key", &key, &v["randomx_key"])?;
        let cache = Cache::<Fluence>::new(&self.memory, &key).map_err(text)?;
        let dataset = self.build.map(|build| build(&cache)).transpose()?;
        if let Some(dataset) = &dataset {
            same(
                "dataset",
                &digest_of(dataset.view().words()),
                &v["dataset_blake2b256"],
            )?;
        }
        let source = match &dataset {
            Some(dataset) => Source::Fast(dataset.view()),
            None => Source::Light(&cache),
        };
        let difficulty: Difficulty = parse(&v["difficulty"])?;
        let mut local: LocalNonce = parse(&v["start_nonce"])?;
        let mut vm = machine(&self.memory, self.engine)?;
        let (mut all, mut golden) = (Vec::new(), Vec::new());
        vm.begin([&local.0]);
        for offset in 0..v["count"].as_u64().ok_or("no count")? {
            let next = local.next();
            let hash = ResultHash(vm.finish(source, Some([&next.0]))[0]);
            all.extend_from_slice(&hash.0);
            if difficulty.is_met_by(&hash) {
                golden.push((offset, local.to_string(), hash.to_string()));
            }
            local = next;
        }
        let expected: Vec<_> = list(&v["golden"])?
            .iter()
            .map(|g| {
                let field = |name: &str| g[name].as_str().unwrap_or_default().to_owned();
                (
                    g["offset"].as_u64().unwrap_or_default(),
                    field("local_nonce"),
                    field("result_hash"),
                )
            })
            .collect();
        if golden != expected {
            return Err(format!("golden: {golden:?} instead of {expected:?}"));
        }
        same(
            "all hashes",
            &blake2b_256(&all),
            &v["all_hashes_blake2b256"],
        )
    }
}

/// The cache of the last key, and a machine.
struct Caches<P, M> {
    memory: M,
    engine: Engine,
    last: Option<(Vec<u8>, Cache<P>)>,
    vm: Option<Vm>,
}

impl<P: Params, M: Memory> Caches<P, M> {
    fn new(memory: M, engine: Engine) -> Self {
        Self {
            memory,
            engine,
            last: None,
            vm: None,
        }
    }

    fn get(&mut self, key: &[u8]) -> Result<&Cache<P>, String> {
        if self.last.as_ref().is_none_or(|(k, _)| k != key) {
            self.last = None;
            let cache = match self.engine {
                Engine::Interpreter => Cache::new(&Heap, key),
                Engine::Jit => Cache::new(&self.memory, key),
            };
            self.last = Some((key.to_vec(), cache.map_err(text)?));
        }
        self.last
            .as_ref()
            .map(|(_, cache)| cache)
            .ok_or_else(String::new)
    }

    fn check_hash(&mut self, key: &[u8], input: &[u8], expected: &Value) -> Outcome {
        let mut vm = match self.vm.take() {
            Some(vm) => vm,
            None => machine(&self.memory, self.engine)?,
        };
        let hash = vm.hash(Source::Light(self.get(key)?), input);
        self.vm = Some(vm);
        same("hash", &hash, expected)
    }

    fn check_proof(&mut self, v: &Value) -> Outcome {
        let key = randomx_key(&parse(&v["global_nonce"])?, &parse(&v["cu_id"])?);
        same("randomx_key", &key, &v["randomx_key"])?;
        self.check_hash(&key, &bytes(&v["local_nonce"])?, &v["result_hash"])
    }

    fn check_trace(&mut self, v: &Value) -> Outcome {
        let mut vm = machine(&self.memory, self.engine)?;
        let source = Source::Light(self.get(&bytes(&v["key"])?)?);
        vm.begin([&bytes(&v["input"])?]);
        let pad = blake2b_256(vm.lanes()[0].scratchpad());
        same("filled scratchpad", &pad, &v["scratchpad_init_blake2b256"])?;
        same(
            "seed after fill",
            vm.lanes()[0].seed(),
            &v["gen4_initial_state"],
        )?;
        let programs = list(&v["programs"])?;
        for (i, p) in programs.iter().enumerate() {
            if i > 0 {
                vm.lanes_mut()[0].reseed();
            }
            same("program seed", vm.lanes()[0].seed(), &p["gen_seed"])?;
            vm.run_programs(source);
            let program = &vm.lanes()[0].program().0;
            same(
                "program digest",
                &blake2b_256(program),
                &p["program_blake2b256"],
            )?;
            same("configuration", &program[..128], &p["config_128"])?;
            if p.get("program").is_some() {
                same("program", &program[128..], &p["program"])?;
            }
            let registers = vm.lanes()[0].state().registers.to_bytes();
            same("register file", &registers, &p["register_file"])
                .map_err(|e| format!("program {i}: {e}"))?;
            same(
                "scratchpad",
                &blake2b_256(vm.lanes()[0].scratchpad()),
                &p["scratchpad_blake2b256"],
            )?;
        }
        if programs.len() != PROGRAM_COUNT {
            return Err("not all programs recorded".into());
        }
        let mut last = vm.lanes()[0].state().registers.to_bytes();
        last[192..].copy_from_slice(&aes::hash_1r(vm.lanes()[0].scratchpad().as_chunks().0));
        same("final register file", &last, &v["final_register_file"])?;
        same("hash", &blake2b_256(&last), &v["hash"])
    }
}

fn digest_of(words: &[u64]) -> [u8; 32] {
    use blake2::{Blake2b, digest::consts::U32};
    let mut hash = Blake2b::<U32>::new();
    for chunk in words.chunks(1 << 16) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|word| word.to_le_bytes()).collect();
        hash.update(&bytes);
    }
    hash.finalize().into()
}

fn machine(memory: &impl Memory, engine: Engine) -> Result<Vm, String> {
    Vm::new(memory, engine).map_err(text)
}

fn check_reciprocal(v: &Value) -> Outcome {
    let divisor = v["divisor"]
        .as_u64()
        .and_then(|d| u32::try_from(d).ok())
        .ok_or("no divisor")?;
    let found = reciprocal(divisor).map(|r| r.to_string());
    expect("reciprocal", found.as_deref(), v["reciprocal"].as_str())
}

fn check_next(v: &Value) -> Outcome {
    let nonce: LocalNonce = parse(&v["nonce"])?;
    same("next", &nonce.next().0, &v["next"])
}

fn check_difficulty(v: &Value) -> Outcome {
    let difficulty: Difficulty = parse(&v["difficulty"])?;
    expect(
        "meets",
        Some(difficulty.is_met_by(&parse(&v["result_hash"])?)),
        v["meets"].as_bool(),
    )
}

fn check_generator(v: &Value) -> Outcome {
    let seed = bytes(&v["seed"])?;
    let mut generator = BlakeGenerator::new(&seed);
    let first: Vec<u8> = (0..100).map(|_| generator.byte()).collect();
    same("first bytes", &first, &v["first_100_bytes"])?;
    let expected = v["mixed_byte_word_word"].as_str().ok_or("no mixed draws")?;
    let mut generator = BlakeGenerator::new(&seed);
    let drawn: Vec<String> = expected
        .split(' ')
        .map(|draw| match draw.starts_with('b') {
            true => format!("b{:02x}", generator.byte()),
            false => format!("w{:08x}", generator.word()),
        })
        .collect();
    expect(
        "mixed draws",
        Some(drawn.join(" ").as_str()),
        Some(expected),
    )
}

fn check_aes(v: &Value) -> Outcome {
    let kind = v["kind"].as_str().unwrap_or_default();
    let fill = |seed: &Value, len: usize, four: bool| -> Result<_, String> {
        let mut state: [u8; 64] = bytes(seed)?
            .try_into()
            .map_err(|_| "seed of wrong length")?;
        let mut soft = state;
        let mut out = vec![[0; 64]; len / 64];
        let mut soft_out = out.clone();
        if four {
            aes::fill_4r(&mut state, &mut out);
            aes::soft::fill_4r(&mut soft, &mut soft_out);
        } else {
            aes::fill_1r(&mut state, &mut out);
            aes::soft::fill_1r(&mut soft, &mut soft_out);
        }
        if (state, &out) != (soft, &soft_out) {
            return Err("tables and AES unit differ".into());
        }
        Ok((out, state))
    };
    let hash = |input: &[[u8; 64]]| -> Result<_, String> {
        let hash = aes::hash_1r(input);
        if hash != aes::soft::hash_1r(input) {
            return Err("tables and AES unit differ".into());
        }
        Ok(hash)
    };
    let len = v["out_len"].as_u64().unwrap_or_default() as usize;
    match kind {
        "gen1r" => {
            let (out, state) = fill(&v["seed"], len, false)?;
            same("first", &out[0], &v["first64"])?;
            same("second", &out[1], &v["second64"])?;
            same("state", &state, &v["final_state"])?;
            same(
                "digest",
                &blake2b_256(out.as_flattened()),
                &v["out_blake2b256"],
            )
        }
        "gen4r" => {
            let (out, _) = fill(&v["seed"], len, true)?;
            same("first", out[..2].as_flattened(), &v["first128"])?;
            same("last", &out[out.len() - 1], &v["last64"])?;
            same(
                "digest",
                &blake2b_256(out.as_flattened()),
                &v["out_blake2b256"],
            )
        }
        "hash1r" => {
            let input = v["input_is"].as_str().unwrap_or_default();
            let seed = input
                .split(' ')
                .nth(4)
                .and_then(|s| s.strip_suffix(','))
                .ok_or("no seed")?;
            let (out, _) = fill(&Value::from(seed), 4096, false)?;
            same("hash", &hash(&out)?, &v["hash"])
        }
        "hash1r_raw" => same(
            "hash",
            &hash(bytes(&v["input"])?.as_chunks().0)?,
            &v["hash"],
        ),
        "scratchpad" => {
            let (mut out, state) = fill(&v["seed"], SCRATCHPAD_BYTES, false)?;
            same(
                "digest",
                &blake2b_256(out.as_flattened()),
                &v["scratchpad_blake2b256"],
            )?;
            same("state", &state, &v["final_state"])?;
            same("hash", &hash(&out)?, &v["hash1r"])?;
            // The fused pass must give the same hash, and the same content as a fill of its own.
            let mut fused = state;
            same(
                "fused hash",
                &aes::hash_and_fill_1r(&mut fused, &mut out),
                &v["hash1r"],
            )?;
            let mut separate = state;
            let mut again = vec![[0; 64]; out.len()];
            aes::fill_1r(&mut separate, &mut again);
            expect(
                "fused fill",
                Some(out == again && fused == separate),
                Some(true),
            )
        }
        other => Err(format!("unknown kind {other}")),
    }
}

fn check_superscalar(v: &Value) -> Outcome {
    let mut generator = BlakeGenerator::new(&bytes(&v["key"])?);
    for p in list(&v["programs"])? {
        let program = Program::generate(&mut generator);
        let code: Vec<u8> = program.code.iter().flat_map(|i| i.to_bytes()).collect();
        if p.get("code").is_some() {
            same("code", &code, &p["code"])?;
        }
        same("code digest", &blake2b_256(&code), &p["code_blake2b256"])?;
        expect("size", Some(program.code.len() as u64), p["size"].as_u64())?;
        let address = program.address_register as u64;
        expect(
            "address register",
            Some(address),
            p["address_register"].as_u64(),
        )?;
        let mut registers =
            core::array::from_fn(|i| 0x0123_4567_89AB_CDEF_u64.wrapping_mul(i as u64 + 1));
        program.execute(&mut registers);
        let expected = list(&p["exec_out"])?;
        for (register, expected) in registers.iter().zip(expected) {
            expect(
                "register",
                Some(format!("{register:016x}").as_str()),
                expected.as_str(),
            )?;
        }
    }
    Ok(())
}

fn check_cache<P: Params>(cache: &Cache<P>, v: &Value) -> Outcome {
    let words = cache.words();
    for (index, expected) in v["cache_u64"].as_object().ok_or("no words")? {
        let word = words[index.parse::<usize>().map_err(text)?];
        expect(
            "word",
            Some(format!("{word:016x}").as_str()),
            expected.as_str(),
        )?;
    }
    same("cache", &digest_of(words), &v["cache_blake2b256"])?;
    let block = |i: usize| digest_of(&words[128 * i..][..128]);
    same("block 0", &block(0), &v["block0_blake2b256"])?;
    same("block 1", &block(1), &v["block1_blake2b256"])?;
    let to_bytes = |item: &[u64; 8]| item.map(u64::to_le_bytes).as_flattened().to_vec();
    for (number, expected) in v["dataset_items"].as_object().ok_or("no items")? {
        let number: u64 = number.parse().map_err(text)?;
        same("item", &to_bytes(&cache.item(number)), expected)?;
        let mut items = [[0; 8]; 3];
        cache.items(number.saturating_sub(1), &mut items);
        same(
            "compiled item",
            &to_bytes(&items[usize::from(number > 0)]),
            expected,
        )?;
    }
    let mut items = vec![[0; 8]; 8192];
    cache.items(0, &mut items);
    same(
        "first items",
        &digest_of(items.as_flattened()),
        &v["items_0_8191_blake2b256"],
    )
}

fn list(v: &Value) -> Result<&[Value], String> {
    v.as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| "a list is missing".into())
}

fn bytes(v: &Value) -> Result<Vec<u8>, String> {
    let digits = v.as_str().ok_or("a hex string is missing")?;
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("odd number of hex digits".into());
    }
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap_or_default(), 16);
    pairs.iter().map(|pair| byte(pair).map_err(text)).collect()
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn parse<T: std::str::FromStr<Err: ToString>>(v: &Value) -> Result<T, String> {
    v.as_str()
        .ok_or("a value is missing")?
        .parse()
        .map_err(|e: T::Err| e.to_string())
}

fn same(what: &str, found: &[u8], expected: &Value) -> Outcome {
    let mut hex = String::new();
    for byte in found {
        let _ = write!(hex, "{byte:02x}");
    }
    expect(what, Some(hex.as_str()), expected.as_str())
}

fn expect<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: Option<T>,
    expected: Option<T>,
) -> Outcome {
    if expected.is_some() && found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?} instead of {expected:?}"))
}
