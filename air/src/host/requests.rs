//! Calls that the host is asked to make.

use alloc::string::String;
use alloc::vec::Vec;

use super::MULTICODEC;
use crate::data::Tetraplet;
use crate::msgpack::put;
use crate::values::{Counts, json_to_msgpack};

/// One call for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRequest {
    /// Service to call.
    pub service_id: String,
    /// Function to call.
    pub function_name: String,
    /// Arguments: the text of a JSON array, canonical (compact, keys sorted).
    pub arguments: String,
    /// Per argument, where its value (or each of its elements) comes from.
    pub tetraplets: Vec<Vec<OwnedTetraplet>>,
}

/// A [`Tetraplet`] that owns its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnedTetraplet {
    /// Peer that produced the value.
    pub peer_pk: String,
    /// Service called there.
    pub service_id: String,
    /// Function called there.
    pub function_name: String,
    /// Lens applied to the result.
    pub lens: String,
}

impl From<&Tetraplet<'_>> for OwnedTetraplet {
    fn from(tetraplet: &Tetraplet<'_>) -> Self {
        OwnedTetraplet {
            peer_pk: tetraplet.peer_pk.into(),
            service_id: tetraplet.service_id.into(),
            function_name: tetraplet.function_name.into(),
            lens: tetraplet.lens.into(),
        }
    }
}

/// Call requests with their ids, ascending.
pub type CallRequests = Vec<(u32, CallRequest)>;

impl CallRequest {
    /// The arguments as parsed values.
    ///
    /// # Errors
    /// Values nested deeper than 128 levels can be made by a script, but not parsed.
    pub fn argument_values(&self) -> serde_json::Result<Vec<serde_json::Value>> {
        serde_json::from_str(&self.arguments)
    }

    /// The arguments as a MessagePack array.
    pub fn arguments_raw(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.arguments.len() + 8);
        self.put_arguments(&mut Counts::default(), &mut out);
        out
    }

    /// The tetraplets as MessagePack: an array per argument, of arrays of maps.
    pub fn tetraplets_raw(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_tetraplets(&mut out);
        out
    }

    fn put_arguments(&self, counts: &mut Counts, out: &mut Vec<u8>) {
        json_to_msgpack(&self.arguments, counts, out);
    }

    fn put_tetraplets(&self, out: &mut Vec<u8>) {
        put::array_len(out, self.tetraplets.len());
        for argument in &self.tetraplets {
            put::array_len(out, argument.len());
            for tetraplet in argument {
                put::map_len(out, 4);
                for (name, text) in [
                    ("peer_pk", &tetraplet.peer_pk),
                    ("service_id", &tetraplet.service_id),
                    ("function_name", &tetraplet.function_name),
                    ("lens", &tetraplet.lens),
                ] {
                    put::str(out, name);
                    put::str(out, text);
                }
            }
        }
    }
}

/// Writes the raw form (AIR spec section 6.6).
pub(super) fn encode(requests: &[(u32, CallRequest)]) -> Vec<u8> {
    let texts: usize = requests
        .iter()
        .map(|(_, request)| request.arguments.len())
        .sum();
    let mut out = Vec::with_capacity(16 + texts + requests.len() * 256);
    out.extend_from_slice(&MULTICODEC);
    let mut counts = Counts::default();
    put::map_len(&mut out, requests.len());
    for (id, request) in requests {
        put::uint(&mut out, (*id).into());
        put::map_len(&mut out, 4);
        put::str(&mut out, "service_id");
        put::str(&mut out, &request.service_id);
        put::str(&mut out, "function_name");
        put::str(&mut out, &request.function_name);
        put::str(&mut out, "arguments");
        put::bin_with(&mut out, |out| request.put_arguments(&mut counts, out));
        put::str(&mut out, "tetraplets");
        put::bin_with(&mut out, |out| request.put_tetraplets(out));
    }
    out
}
