//! Rows of `[cores]`, `[http]`, `[disk]`, `[log]` and `[panic]`.

use log::LevelFilter;

use super::key::{Fallback, Key, Secret, Section, field};
use crate::{
    formats,
    kind::{Check, Kind},
    limits::MAX_CORES,
    model::{DiskTest, PanicAction},
    words::Words,
};

pub(super) const CORES: Section = Section {
    name: "cores",
    about: "What the processor's cores do.",
    keys: &[
        Key {
            name: "system",
            kind: Kind::integer(1, MAX_CORES as u64),
            default: Fallback::Value("1"),
            example: "1",
            meaning: "Cores for network and node. It must be 1 for now: both run on one core, and \
                      a second one would stand idle.",
            secret: Secret::No,
            field: field!(cores.system),
        },
        Key {
            name: "compute",
            kind: Kind::Either(&["all"], &Kind::integer(0, MAX_CORES as u64)),
            default: Fallback::Value("\"all\""),
            example: "\"all\"",
            meaning: "How many of the other cores run services and prove capacity.",
            secret: Secret::No,
            field: field!(cores.compute),
        },
        Key {
            name: "host_services",
            kind: Kind::integer(0, MAX_CORES as u64),
            default: Fallback::Value("0"),
            example: "0",
            meaning: "How many compute cores are reserved for the node's own services, so that \
                      deals cannot slow them down. With 0 all services share all compute cores.",
            secret: Secret::No,
            field: field!(cores.host_services),
        },
    ],
};

pub(super) const HTTP: Section = Section {
    name: "http",
    about: "The operator's pages.",
    keys: &[Key {
        name: "port",
        kind: Kind::integer(1, 65_535),
        default: Fallback::Rule("none: the pages are not served"),
        example: "918",
        meaning: "Port of the pages `/health`, `/metrics`, `/versions`, `/peer_id` and `/config`. \
                  Anyone who reaches the port can read them.",
        secret: Secret::No,
        field: field!(http.port),
    }],
};

pub(super) const DISK: Section = Section {
    name: "disk",
    about: "The disk that holds the state.",
    keys: &[
        Key {
            name: "state",
            kind: Kind::Checked(
                "a string: a disk's serial number, or its place such as \"0000:00:1f.2/0\"",
                Check(formats::disk_name),
            ),
            default: Fallback::Rule("the one disk with a state partition"),
            example: "\"S4EVNX0R123456\"",
            meaning: "The disk that keeps what outlives a reboot. The boot log names all disks.",
            secret: Secret::No,
            field: field!(disk.state),
        },
        Key {
            name: "format",
            kind: Kind::Flag,
            default: Fallback::Value("false"),
            example: "false",
            meaning: "Whether the node may format the disk that `state` names when the disk holds \
                      other data. That data is lost then. A state that is already there is kept.",
            secret: Secret::No,
            field: field!(disk.format),
        },
        Key {
            name: "test",
            kind: Kind::Words(DiskTest::WORDS),
            default: Fallback::Value("\"none\""),
            example: "\"none\"",
            meaning: "Tests the disks instead of running a node. \"load\" commits numbered batches \
                      to the state until the power is cut, and checks them at the next boot. \
                      \"speed\" measures how fast each disk reads.",
            secret: Secret::No,
            field: field!(disk.test),
        },
    ],
};

pub(super) const LOG: Section = Section {
    name: "log",
    about: "What is written to serial line and screen.",
    keys: &[
        Key {
            name: "level",
            kind: Kind::Words(LevelFilter::WORDS),
            default: Fallback::Value("\"info\""),
            example: "\"info\"",
            meaning: "The finest level that is written.",
            secret: Secret::No,
            field: field!(log.level),
        },
        Key {
            name: "trace",
            kind: Kind::Checked(
                "a string: a peer id, or the id of a particle",
                Check(formats::any),
            ),
            default: Fallback::Nothing,
            example: "\"2883f959-e9e7-4843-8c37-205d393ca372\"",
            meaning: "Every step of this peer or particle is written, at level info.",
            secret: Secret::No,
            field: field!(log.trace),
        },
    ],
};

pub(super) const PANIC: Section = Section {
    name: "panic",
    about: "What happens when the appliance fails.",
    keys: &[Key {
        name: "action",
        kind: Kind::Words(PanicAction::WORDS),
        default: Fallback::Value("\"reset\""),
        example: "\"reset\"",
        meaning: "What the machine does after it has reported a panic: \"reset\" starts it again, \
                  \"halt\" leaves the report on the screen.",
        secret: Secret::No,
        field: field!(panic.action),
    }],
};
