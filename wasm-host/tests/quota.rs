//! What files take in memory is counted: names, what a call makes and removes again, listings.

use basalt_wasm_host::{
    MemoryPool, Vfs, Volume,
    engine::Raw,
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
    vfs::{Effect, FsError, Journal, JournalError, Quota, Tree},
    wasi::{Errno, Wasi},
};

struct Forgetful;

impl Journal for Forgetful {
    fn commit(&mut self, _: &[Effect<'_>]) -> Result<(), JournalError> {
        Ok(())
    }
}

/// A volume with a journal whose memory comes from a pool.
fn volume(pool: &MemoryPool) -> Volume {
    let mut tree = Tree::new(Quota::default());
    tree.share(pool.clone());
    Volume::durable(1, tree, Box::new(Forgetful))
}

#[test]
fn names_take_from_quota_and_pool_and_come_back() {
    let pool = MemoryPool::new(1 << 20);
    let volume = volume(&pool);
    let long = "n".repeat(200);
    let mut made = 0;
    let refused = loop {
        let name = format!("{long}{made}");
        match volume.with(|tree| tree.write_file(Tree::ROOT, &name, b"", 1)) {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, FsError::NoSpace);
    assert!((2000..3000).contains(&made), "{made}");
    // Longer names are to be had until there is no more, shorter ones always.
    let rename = |index: u32, to: &str| {
        volume.with(|tree| tree.rename(Tree::ROOT, &format!("{long}{index}"), Tree::ROOT, to, 2))
    };
    let longer = |index: u32| rename(index, &format!("{index}{}", "m".repeat(254)));
    assert!((0..10).any(|index| longer(index) == Err(FsError::NoSpace)));
    assert_eq!(rename(made - 1, "short"), Ok(()));
    assert!(pool.used() <= pool.limit());
    let names: Vec<String> =
        volume.with(|tree| tree.entries(Tree::ROOT).unwrap().keys().cloned().collect());
    for name in names {
        volume
            .with(|tree| tree.unlink(Tree::ROOT, &name, 3))
            .unwrap();
    }
    assert_eq!((pool.used(), volume.with(|tree| tree.used_bytes())), (0, 0));
}

#[test]
fn what_a_call_makes_and_removes_again_takes_no_memory() {
    let pool = MemoryPool::new(8 << 20);
    let volume = volume(&pool);
    volume.begin();
    let megabyte = vec![1; 1 << 20];
    for _ in 0..200 {
        volume
            .with(|tree| {
                tree.write_file(Tree::ROOT, "f", &megabyte, 1)?;
                tree.unlink(Tree::ROOT, "f", 1)
            })
            .unwrap();
    }
    assert!(pool.used() < 1 << 18, "{}", pool.used());
    // Its names are bounded, by the pool, too.
    let name = "n".repeat(255);
    let mut made = 0;
    let refused = loop {
        let once = volume.with(|tree| {
            tree.write_file(Tree::ROOT, &name, b"", 1)?;
            tree.unlink(Tree::ROOT, &name, 1)
        });
        match once {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, FsError::NoSpace);
    assert!((5_000..20_000).contains(&made), "{made}");
    volume.roll_back();
    assert_eq!(pool.used(), 0);
}

struct Still;

impl Host for Still {
    fn now(&mut self) -> u64 {
        1
    }

    fn monotonic(&mut self) -> u64 {
        1
    }

    fn random(&mut self, _: &mut [u8]) {}

    fn sleep(&mut self, _: u64) {}

    fn log(&mut self, _: &str, _: Level, _: &str) {}

    fn output(&mut self, _: &str, _: u32, _: &[u8]) {}

    fn http(&mut self, _: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        Err("no network".to_string())
    }
}

#[test]
fn listings_are_bounded_and_counted() {
    let pool = MemoryPool::new(64 << 20);
    let volume = volume(&pool);
    for index in 0..50_000 {
        let name = format!("{index}");
        volume
            .with(|tree| tree.write_file(Tree::ROOT, &name, b"", 1))
            .unwrap();
    }
    let held = pool.used();
    let root = Vfs::new(volume).make_dirs("", 1).unwrap();
    let directories = (0..8).map(|alias| (format!("/{alias}"), root.clone()));
    let mut wasi = Wasi::new("m", Vec::new(), directories.collect(), 64);
    let mut memory = vec![0; 1024];
    let mut list = |wasi: &mut Wasi, fd: i32| {
        let args = [
            Raw::I32(fd),
            Raw::I32(0),
            Raw::I32(512),
            Raw::I64(0),
            Raw::I32(600),
        ];
        let called = wasi.invoke("fd_readdir", &mut memory, &mut Still, &args);
        called.unwrap().unwrap()
    };
    for fd in 3..8 {
        assert_eq!(list(&mut wasi, fd), Errno::SUCCESS, "{fd}");
    }
    assert!(pool.used() > held + 5 * 50_000 * 64);
    // Five listings are a quarter of a million names. To list one of them again is fine.
    assert_eq!(list(&mut wasi, 8), Errno::NOMEM);
    assert_eq!(list(&mut wasi, 3), Errno::SUCCESS);
    let close = wasi.invoke("fd_close", &mut [], &mut Still, &[Raw::I32(3)]);
    assert_eq!(close.unwrap().unwrap(), Errno::SUCCESS);
    assert_eq!(list(&mut wasi, 8), Errno::SUCCESS);
    drop(wasi);
    assert_eq!(pool.used(), held);
}
