//! A WASI command: a program with `_start`, run over a file system until it ends.

use std::sync::{Arc, Mutex};

use basalt_wasm_host::{
    Vfs,
    engine::{
        Binding, BudgetKind, Context, Engine, Failure, HostCause, HostTrap, MemoryId, Raw, State,
        Store, wasmi::Wasmi,
    },
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
    wasi::Wasi,
};

/// Fuel of a run: more than any test of the suite needs.
const FUEL: u64 = 20_000_000_000;

/// How a program ended, and what it wrote.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit status; none when it trapped.
    pub code: Option<i32>,
    /// Why it trapped.
    pub trap: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a program, with the root directory of a file system as `/` if it gets one.
pub(crate) fn run(
    wasm: &[u8],
    arguments: &[String],
    environment: &[(String, String)],
    vfs: Option<&Vfs>,
) -> Ended {
    let root = vfs.map(|vfs| ("/".to_string(), vfs.make_dirs("", 0).expect("root")));
    let wasi = Wasi::new(
        "command",
        environment.to_vec(),
        root.into_iter().collect(),
        1024,
    );
    let output = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
    let command = Command {
        wasi: wasi.with_arguments(arguments.to_vec()),
        host: Machine {
            start: std::time::Instant::now(),
            output: output.clone(),
        },
        names: Vec::new(),
        memory: None,
    };
    let failure = start(wasm, command).err();
    let output = output.lock().expect("output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut ended = Ended {
        code: Some(0),
        trap: String::new(),
        stdout: text(&output[0]),
        stderr: text(&output[1]),
    };
    match failure {
        None => {}
        Some(Failure::Host(HostTrap {
            cause: HostCause::Exit(code),
            ..
        })) => ended.code = Some(code),
        Some(other) => (ended.code, ended.trap) = (None, other.to_string()),
    }
    ended
}

fn start(wasm: &[u8], command: Command) -> Result<(), Failure> {
    let trap = |error: String| Failure::Mismatch(error);
    let engine = Wasmi::default();
    let module = engine.compile(wasm).map_err(|error| trap(error.0))?;
    let mut store = engine.open(command);
    store.set_fuel(FUEL);
    let mut names = Vec::new();
    let instance = store.instantiate(&module, &mut |import| {
        let signature = import.func.clone()?;
        names.push(import.name.clone());
        Some(Binding::Host(names.len() as u32 - 1, signature))
    });
    let instance = instance.map_err(|error| trap(error.to_string()))?;
    store.state_mut().names = names;
    let memory = store.export_memory(instance, "memory");
    store.state_mut().memory = memory;
    let start = store.export_func(instance, "_start");
    let (start, _) = start.ok_or_else(|| trap("no _start".to_string()))?;
    store.call(start, &[], &mut [])
}

struct Command {
    wasi: Wasi,
    host: Machine,
    names: Vec<String>,
    memory: Option<MemoryId>,
}

impl State for Command {
    fn host_call<C: Context<State = Self>>(
        ctx: &mut C,
        index: u32,
        args: &[Raw],
        results: &mut [Raw],
    ) -> Result<(), HostTrap> {
        let memory = ctx.state().memory;
        let memory = memory.ok_or_else(|| HostTrap::failure("no memory"))?;
        let (bytes, command) = ctx.memory_and_state(memory);
        let name = command.names[index as usize].clone();
        let errno = command.wasi.invoke(&name, bytes, &mut command.host, args);
        let errno = errno.ok_or_else(|| HostTrap::failure(format!("no function {name}")))??;
        if let Some(result) = results.first_mut() {
            *result = Raw::I32(i32::from(errno.0));
        }
        Ok(())
    }

    fn memory_growing(&mut self, _: u64, desired: u64) -> bool {
        desired <= 1 << 28
    }

    fn table_growing(&mut self, _: u64, desired: u64) -> bool {
        desired <= 1_000_000
    }

    fn refuel(&mut self, _: u64) -> Result<u64, BudgetKind> {
        Err(BudgetKind::Fuel)
    }
}

/// The machine that runs it: its clocks, its randomness, what was written.
struct Machine {
    start: std::time::Instant,
    output: Arc<Mutex<[Vec<u8>; 2]>>,
}

impl Host for Machine {
    fn now(&mut self) -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| now.as_nanos() as u64)
    }

    fn monotonic(&mut self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn random(&mut self, buffer: &mut [u8]) {
        use std::hash::{BuildHasher, Hasher, RandomState};
        for byte in buffer {
            *byte = RandomState::new().build_hasher().finish() as u8;
        }
    }

    fn sleep(&mut self, nanoseconds: u64) {
        std::thread::sleep(std::time::Duration::from_nanos(nanoseconds));
    }

    fn log(&mut self, _: &str, _: Level, _: &str) {}

    fn output(&mut self, _: &str, stream: u32, bytes: &[u8]) {
        let mut output = self.output.lock().expect("output");
        output[usize::from(stream != 1)].extend_from_slice(bytes);
    }

    fn http(&mut self, _: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        Err("no network".to_string())
    }
}
