//! `stat`: what services take.

use alloc::format;
use alloc::string::String;

use serde_json::{Value, json};

use super::args::Args;
use super::row::{Builtin, on_rooms};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "stat",
        "service_memory",
        "service_id_or_alias: string",
        "[]{name, memory_size_bytes}",
        "per module, after the last call",
        service_memory,
    ),
    on_rooms(
        "stat",
        "service_stat",
        "service_id_or_alias: string",
        "{status: bool, error: string, result: [] or [ServiceStat]}",
        "ServiceStat = {total_stats: Stats, functions_stats: []{name, stats}}; Stats = {success_req_count, failed_req_count, \
         memory_deltas_bytes, call_time_sec: {series: []f64, total, avg}, timestamps: []u64}: the last 5 calls one by one",
        service_stat,
    ),
];

fn service_memory(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("service_id_or_alias")?;
    let memory = &rooms.resolve(call, &name)?.memory;
    let modules = memory
        .iter()
        .map(|(name, bytes)| json!({ "name": name, "memory_size_bytes": bytes }));
    Ok(modules.collect::<Value>().into())
}

fn service_stat(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("service_id_or_alias")?;
    let answer = match rooms.resolve(call, &name) {
        Ok(entry) => json!({ "status": true, "error": "", "result": [entry.stats.value()] }),
        Err(error) => json!({ "status": false, "error": format!("{error}"), "result": [] }),
    };
    Ok(answer.into())
}
