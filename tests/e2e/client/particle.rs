//! Particles as a foreign client writes them: MessagePack by `rmpv`, signatures by
//! `libp2p-identity`, nothing of Basalt's own codec, so that both ends of a test never share a
//! mistake (peer protocol sections 4 and 5.1).

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use libp2p::identity::{Keypair, PublicKey};
use libp2p::{PeerId, multihash::Multihash};
use rmpv::Value;

/// The multicodec number of MessagePack as a varint: the first bytes of every frame's body.
const CODEC: [u8; 2] = [0x81, 0x04];

/// How `signature` and `data` are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// MessagePack BIN, as nox writes; the only one the js-client reads.
    Bin,
    /// An array of small integers, as the js-client writes.
    Array,
}

/// One particle, plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Particle {
    pub(crate) id: String,
    pub(crate) init_peer_id: String,
    pub(crate) timestamp: u64,
    pub(crate) ttl: u32,
    pub(crate) script: String,
    pub(crate) signature: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Particle {
    /// A fresh particle of `keypair`'s peer, signed, that lives one minute.
    pub(crate) fn new(keypair: &Keypair, script: impl Into<String>) -> Self {
        let mut particle = Self {
            id: uuid::Uuid::new_v4().to_string(),
            init_peer_id: keypair.public().to_peer_id().to_string(),
            timestamp: now_ms(),
            ttl: 60_000,
            script: script.into(),
            signature: Vec::new(),
            data: Vec::new(),
        };
        particle.sign(keypair);
        particle
    }

    /// Signs what the particle says now.
    pub(crate) fn sign(&mut self, keypair: &Keypair) {
        self.signature = keypair
            .sign(&self.signed_bytes())
            .expect("Ed25519 signs anything");
    }

    /// Whether the signature is by the key inside `init_peer_id`.
    pub(crate) fn verify(&self) -> Result<()> {
        let id: PeerId = self.init_peer_id.parse().context("init_peer_id")?;
        let key = PublicKey::try_decode_protobuf(Multihash::from(id).digest())
            .context("the key in init_peer_id")?;
        ensure!(
            key.verify(&self.signed_bytes(), &self.signature),
            "particle {}: bad signature",
            self.id
        );
        Ok(())
    }

    /// The whole frame: length, codec, message.
    pub(crate) fn frame(&self, form: Form) -> Vec<u8> {
        let bytes = |bytes: &[u8]| match form {
            Form::Bin => Value::Binary(bytes.to_vec()),
            Form::Array => Value::Array(bytes.iter().map(|&b| Value::from(b)).collect()),
        };
        let fields = [
            ("action", Value::from("Particle")),
            ("id", Value::from(&*self.id)),
            ("init_peer_id", Value::from(&*self.init_peer_id)),
            ("timestamp", Value::from(self.timestamp)),
            ("ttl", Value::from(self.ttl)),
            ("script", Value::from(&*self.script)),
            ("signature", bytes(&self.signature)),
            ("data", bytes(&self.data)),
        ];
        let message = Value::Map(fields.map(|(key, value)| (key.into(), value)).to_vec());
        let mut body = CODEC.to_vec();
        rmpv::encode::write_value(&mut body, &message).expect("a vector takes everything");
        let mut frame = varint(body.len() as u64);
        frame.extend(body);
        frame
    }

    /// Reads a whole frame, and the form of its byte fields.
    pub(crate) fn parse(frame: &[u8]) -> Result<(Self, Form)> {
        let (length, body) = read_varint(frame)?;
        ensure!(
            length == body.len() as u64,
            "length {length}, body {}",
            body.len()
        );
        let mut message = body
            .strip_prefix(&CODEC)
            .context("not the MessagePack codec")?;
        let Value::Map(fields) = rmpv::decode::read_value(&mut message)? else {
            bail!("the message is no map");
        };
        ensure!(
            message.is_empty(),
            "{} bytes after the message",
            message.len()
        );
        let field = |key: &str| {
            fields
                .iter()
                .find(|(name, _)| name.as_str() == Some(key))
                .map(|(_, value)| value)
                .with_context(|| format!("no field {key}"))
        };
        let text = |key| {
            let value = field(key)?.as_str().map(str::to_owned);
            value.with_context(|| format!("{key} is no string"))
        };
        let number = |key| {
            field(key)?
                .as_u64()
                .with_context(|| format!("{key} is no number"))
        };
        ensure!(
            text("action")? == "Particle",
            "action is {:?}",
            text("action")
        );
        let (signature, form) = read_bytes(field("signature")?)?;
        let (data, data_form) = read_bytes(field("data")?)?;
        ensure!(
            form == data_form,
            "signature is {form:?}, data {data_form:?}"
        );
        let particle = Self {
            id: text("id")?,
            init_peer_id: text("init_peer_id")?,
            timestamp: number("timestamp")?,
            ttl: u32::try_from(number("ttl")?)?,
            script: text("script")?,
            signature,
            data,
        };
        Ok((particle, form))
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = self.id.clone().into_bytes();
        bytes.extend(self.timestamp.to_le_bytes());
        bytes.extend(self.ttl.to_le_bytes());
        bytes.extend(self.script.as_bytes());
        bytes
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.expect("a clock after 1970").as_millis())
        .expect("a clock before the year 500,000,000")
}

/// `value` as an unsigned LEB128 varint.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn read_varint(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[i + 1..]));
        }
    }
    bail!("no varint in {} bytes", bytes.len())
}

fn read_bytes(value: &Value) -> Result<(Vec<u8>, Form)> {
    match value {
        Value::Binary(bytes) => Ok((bytes.clone(), Form::Bin)),
        Value::Array(numbers) => {
            let byte = |n: &Value| n.as_u64().and_then(|n| u8::try_from(n).ok());
            let bytes: Option<Vec<u8>> = numbers.iter().map(byte).collect();
            Ok((bytes.context("not all numbers are bytes")?, Form::Array))
        }
        other => bail!("neither BIN nor ARRAY: {other}"),
    }
}

/// The recorded particle of the protocol's own description, in both forms.
pub(crate) fn recorded_vector() -> Result<()> {
    // Secret key, base64 `7h48PQ/f1rS9TxacmgODxbD42Il9B3KC117jvOPppPE=`.
    let secret = [
        0xee, 0x1e, 0x3c, 0x3d, 0x0f, 0xdf, 0xd6, 0xb4, 0xbd, 0x4f, 0x16, 0x9c, 0x9a, 0x03, 0x83,
        0xc5, 0xb0, 0xf8, 0xd8, 0x89, 0x7d, 0x07, 0x72, 0x82, 0xd7, 0x5e, 0xe3, 0xbc, 0xe3, 0xe9,
        0xa4, 0xf1,
    ];
    let keypair = Keypair::ed25519_from_bytes(secret)?;
    let mut particle = Particle {
        id: "2883f959-e9e7-4843-8c37-205d393ca372".into(),
        init_peer_id: "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D".into(),
        timestamp: 1_696_934_545_662,
        ttl: 7000,
        script: "abc".into(),
        signature: Vec::new(),
        data: Vec::new(),
    };
    ensure!(keypair.public().to_peer_id().to_string() == particle.init_peer_id);
    particle.sign(&keypair);
    particle.verify()?;
    ensure!(particle.signature[..4] == [0x29, 0xc7, 0x97, 0x0e]);
    ensure!(particle.signature[60..] == [0x65, 0xc6, 0xfb, 0x07]);
    for (form, head) in [(Form::Bin, [0xf7, 0x01]), (Form::Array, [0x9a, 0x02])] {
        let frame = particle.frame(form);
        ensure!(frame[..2] == head, "{form:?}: {:02x?}", &frame[..2]);
        ensure!(Particle::parse(&frame)? == (particle.clone(), form));
    }
    Ok(())
}
