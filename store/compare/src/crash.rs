//! redb under the power cuts that the store's own tests use.

use crate::sim::{Random, Recorder, all_cuts};
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("t");
const BATCHES: usize = 40;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A redb backend over an image in memory; with a recorder, what it does is recorded.
struct Image {
    bytes: Arc<Mutex<Vec<u8>>>,
    recorder: Option<Arc<Mutex<SendRecorder>>>,
}

/// The recorder is used by one thread at a time, under the mutex above it.
struct SendRecorder(Recorder);
// SAFETY: every clone of the `Rc` inside is made and used on the one thread of this program.
unsafe impl Send for SendRecorder {}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Image")
    }
}

impl StorageBackend for Image {
    fn len(&self) -> Result<u64, std::io::Error> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        let at = offset as usize;
        match self.bytes.lock().unwrap().get(at..at + out.len()) {
            Some(bytes) => out.copy_from_slice(bytes),
            None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }
    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.bytes.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }
    fn sync_data(&self) -> Result<(), std::io::Error> {
        if let Some(recorder) = &self.recorder {
            recorder.lock().unwrap().0.sync();
        }
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        let at = offset as usize;
        self.bytes.lock().unwrap()[at..at + data.len()].copy_from_slice(data);
        if let Some(recorder) = &self.recorder {
            recorder.lock().unwrap().0.write_bytes(at, data);
        }
        Ok(())
    }
}

fn open(image: Image) -> Result<Database, redb::DatabaseError> {
    Database::builder()
        .set_cache_size(1 << 20)
        .create_with_backend(image)
}

fn contents(database: &Database) -> Model {
    let read = database.begin_read().unwrap();
    let Ok(table) = read.open_table(TABLE) else {
        return Model::new();
    };
    let pairs = table.iter().unwrap().map(|pair| {
        let (key, value) = pair.unwrap();
        (key.value().to_vec(), value.value().to_vec())
    });
    pairs.collect()
}

pub fn run() {
    let mut random = Random(77);
    let recorder = Recorder::new(0, 512);
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::new(Mutex::new(SendRecorder(recorder.clone())));
    let database = open(Image {
        bytes: bytes.clone(),
        recorder: Some(shared),
    })
    .unwrap();
    let mut models = vec![Model::new()];
    for batch in 1..=BATCHES {
        let mut after = models.last().unwrap().clone();
        let write = database.begin_write().unwrap();
        {
            let mut table = write.open_table(TABLE).unwrap();
            for _ in 0..1 + random.below(4) {
                let key = format!("key-{}", random.below(12)).into_bytes();
                if random.below(4) == 0 {
                    table.remove(key.as_slice()).unwrap();
                    after.remove(&key);
                } else {
                    let value = vec![random.next() as u8; random.below(5000) as usize];
                    table.insert(key.as_slice(), value.as_slice()).unwrap();
                    after.insert(key, value);
                }
            }
        }
        write.commit().unwrap();
        recorder.acknowledge(batch);
        models.push(after);
    }
    let ops = recorder.take_ops();
    // The medium never shrinks, whatever length redb set last.
    let length = recorder.image().len();
    let (mut lost, mut refused) = (0u64, 0u64);
    let cuts = all_cuts(
        vec![0; length],
        &ops,
        512,
        4,
        20,
        5,
        |medium, acknowledged| {
            if acknowledged == 0 {
                return; // still being created
            }
            let mut image = vec![0; length];
            medium.read_at(0, &mut image);
            let image = Image {
                bytes: Arc::new(Mutex::new(image)),
                recorder: None,
            };
            match open(image) {
                Err(_) => refused += 1,
                Ok(database) => {
                    let found = contents(&database);
                    let next = models.get(acknowledged + 1);
                    lost += u64::from(found != models[acknowledged] && next != Some(&found));
                }
            }
        },
    );
    println!("redb 4.6.0: {cuts} cuts, {refused} did not open, {lost} opened with a wrong state");
}
