//! Calls that the host is asked to make.

use alloc::string::String;
use alloc::vec::Vec;

use super::multicodec::MULTICODEC;
use crate::data::Tetraplet;
use crate::msgpack::put;
use crate::values::{Counts, json_to_msgpack};

/// One call for the host.
///
/// Its texts lie behind one another in one buffer: a fold asks for thousands of calls at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRequest {
    /// Service, function, arguments, then four texts per tetraplet.
    texts: String,
    service_end: u32,
    function_end: u32,
    arguments_end: u32,
    /// Per argument: the number of its tetraplets, then the ends of the texts of each.
    marks: Vec<u32>,
}

/// Where one argument, or each of its elements, comes from.
#[derive(Clone, Debug)]
pub struct Origins<'a> {
    texts: &'a str,
    start: u32,
    ends: core::slice::Iter<'a, [u32; 4]>,
}

impl<'a> Iterator for Origins<'a> {
    type Item = Tetraplet<'a>;

    fn next(&mut self) -> Option<Tetraplet<'a>> {
        let ends = self.ends.next()?;
        let [peer_pk, service_id, function_name, lens] = ends.map(|end| {
            let start = core::mem::replace(&mut self.start, end);
            &self.texts[start as usize..end as usize]
        });
        Some(Tetraplet {
            peer_pk,
            service_id,
            function_name,
            lens,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ends.size_hint()
    }
}

impl ExactSizeIterator for Origins<'_> {}

/// Call requests with their ids, ascending.
pub type CallRequests = Vec<(u32, CallRequest)>;

impl CallRequest {
    /// A call of `function_name` of `service_id` with `arguments`, the text of a JSON array;
    /// `tetraplets` say of each argument where its value, or each of its elements, comes from.
    pub fn new<'t>(
        service_id: &str,
        function_name: &str,
        arguments: &str,
        tetraplets: impl IntoIterator<Item: IntoIterator<Item = &'t Tetraplet<'t>>>,
    ) -> Self {
        /// Of the texts of one tetraplet, as a rule.
        const USUAL: usize = 128;
        let tetraplets = tetraplets.into_iter();
        let count = tetraplets.size_hint().0;
        let len = service_id.len() + function_name.len() + arguments.len();
        let mut texts = String::with_capacity(len + count * USUAL);
        texts.push_str(service_id);
        let service_end = texts.len() as u32;
        texts.push_str(function_name);
        let function_end = texts.len() as u32;
        texts.push_str(arguments);
        let mut request = CallRequest {
            arguments_end: texts.len() as u32,
            texts,
            service_end,
            function_end,
            marks: Vec::with_capacity(count * 5),
        };
        for tetraplets in tetraplets {
            request.add_origins(tetraplets);
        }
        request
    }

    fn add_origins<'t>(&mut self, tetraplets: impl IntoIterator<Item = &'t Tetraplet<'t>>) {
        let count = self.marks.len();
        self.marks.push(0);
        for tetraplet in tetraplets {
            self.marks[count] += 1;
            for text in tetraplet.texts() {
                self.texts.push_str(text);
                self.marks.push(self.texts.len() as u32);
            }
        }
    }

    /// Service to call.
    pub fn service_id(&self) -> &str {
        &self.texts[..self.service_end as usize]
    }

    /// Function to call.
    pub fn function_name(&self) -> &str {
        &self.texts[self.service_end as usize..self.function_end as usize]
    }

    /// Arguments: the text of a JSON array, canonical (compact, keys sorted).
    pub fn arguments(&self) -> &str {
        &self.texts[self.function_end as usize..self.arguments_end as usize]
    }

    /// Per argument, where its value (or each of its elements) comes from.
    pub fn tetraplets(&self) -> impl Iterator<Item = Origins<'_>> {
        let (mut start, mut marks) = (self.arguments_end, self.marks.as_slice());
        core::iter::from_fn(move || {
            let (&count, rest) = marks.split_first()?;
            let (ends, rest) = rest.split_at(4 * count as usize);
            let next = ends.last().copied().unwrap_or(start);
            let start = core::mem::replace(&mut start, next);
            marks = rest;
            Some(Origins {
                texts: &self.texts,
                start,
                ends: ends.as_chunks().0.iter(),
            })
        })
    }

    /// The arguments as parsed values.
    ///
    /// # Errors
    /// Values nested deeper than 128 levels can be made by a script, but not parsed.
    pub fn argument_values(&self) -> serde_json::Result<Vec<serde_json::Value>> {
        serde_json::from_str(self.arguments())
    }

    /// The arguments as a MessagePack array.
    pub fn arguments_raw(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.arguments().len() + 8);
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
        json_to_msgpack(self.arguments(), counts, out);
    }

    fn put_tetraplets(&self, out: &mut Vec<u8>) {
        put::array_len(out, self.tetraplets().count());
        for argument in self.tetraplets() {
            put::array_len(out, argument.len());
            for tetraplet in argument {
                put::map_len(out, 4);
                let names = ["peer_pk", "service_id", "function_name", "lens"];
                for (name, text) in names.into_iter().zip(tetraplet.texts()) {
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
        .map(|(_, request)| request.texts.len())
        .sum();
    let mut out = Vec::with_capacity(16 + texts + requests.len() * 192);
    out.extend_from_slice(&MULTICODEC);
    let mut counts = Counts::default();
    put::map_len(&mut out, requests.len());
    for (id, request) in requests {
        put::uint(&mut out, (*id).into());
        put::map_len(&mut out, 4);
        put::str(&mut out, "service_id");
        put::str(&mut out, request.service_id());
        put::str(&mut out, "function_name");
        put::str(&mut out, request.function_name());
        put::str(&mut out, "arguments");
        put::bin_with(&mut out, |out| request.put_arguments(&mut counts, out));
        put::str(&mut out, "tetraplets");
        put::bin_with(&mut out, |out| request.put_tetraplets(out));
    }
    out
}
