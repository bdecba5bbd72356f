//! Any bytes as a module file: loading refuses or accepts, and what is accepted can be put into a
//! service.

use basalt_wasm_host::{
    Budget, Module, ModuleConfig, Service, ServiceConfig, Vfs, Volume, Wasmi, vfs::Quota,
};

#[path = "host.rs"]
mod host;

pub fn check(data: &[u8]) {
    let engine = Wasmi::default();
    let Ok(module) = Module::load(&engine, "m", data) else {
        return;
    };
    let mut config = ServiceConfig {
        start_budget: Budget {
            fuel: 100_000,
            deadline: None,
        },
        ..ServiceConfig::default()
    };
    config.limits.memory = 16 << 20;
    let modules = [(ModuleConfig::new("m"), module)];
    let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
    if let Ok(service) = Service::new(
        &engine,
        config,
        &modules,
        vfs,
        Box::new(host::Quiet::default()),
    ) {
        let interface = service.interface();
        assert!(interface.to_json().is_object());
        // Whatever the module hides, a rest changes nothing that can be seen.
        let memory = service.memory_stats();
        if let Ok(parked) = service.park() {
            let service = parked.wake().ok().expect("wakes");
            assert_eq!(service.interface(), interface);
            assert_eq!(service.memory_stats(), memory);
        }
    }
}
