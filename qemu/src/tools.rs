//! Finds QEMU and the UEFI firmware OVMF, or installs them.
//!
//! In this order: what the caller or the environment names, what the distribution's packages put
//! into their places, what `apt-get` can install, and (feature `ovmf-prebuilt`) a downloaded
//! firmware.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use crate::Error;

/// Program name of the emulator.
const QEMU: &str = "qemu-system-x86_64";

/// Where distributions keep the firmware's code and its empty variable store: Debian, Fedora, Arch,
/// openSUSE, and QEMU's own.
const FIRMWARE: [(&str, &str); 7] = [
    (
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd",
    ),
    (
        "/usr/share/OVMF/OVMF_CODE.fd",
        "/usr/share/OVMF/OVMF_VARS.fd",
    ),
    (
        "/usr/share/edk2/ovmf/OVMF_CODE.fd",
        "/usr/share/edk2/ovmf/OVMF_VARS.fd",
    ),
    (
        "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
    ),
    (
        "/usr/share/edk2-ovmf/x64/OVMF_CODE.fd",
        "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd",
    ),
    (
        "/usr/share/qemu/ovmf-x86_64-code.bin",
        "/usr/share/qemu/ovmf-x86_64-vars.bin",
    ),
    (
        "/usr/share/qemu/edk2-x86_64-code.fd",
        "/usr/share/qemu/edk2-i386-vars.fd",
    ),
];

/// What to type where nothing can be installed from here.
const ADVICE: &str = "install QEMU for x86-64 and the UEFI firmware OVMF \
    (Debian, Ubuntu: `sudo apt-get install qemu-system-x86 ovmf`; \
    Fedora: `sudo dnf install qemu-system-x86-core edk2-ovmf`; \
    Arch: `sudo pacman -S qemu-system-x86 edk2-ovmf`), or name them: \
    --qemu, --ovmf-code and --ovmf-vars, or BASALT_QEMU, BASALT_OVMF_CODE and BASALT_OVMF_VARS";

/// The firmware's two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// The code, mapped read-only.
    pub code: PathBuf,
    /// The empty variable store; each guest gets a copy.
    pub vars: PathBuf,
}

/// What is needed to run a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// The emulator.
    pub qemu: PathBuf,
    /// The firmware.
    pub firmware: Firmware,
}

/// Paths that are named instead of searched.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The emulator.
    pub qemu: Option<PathBuf>,
    /// The firmware's code.
    pub code: Option<PathBuf>,
    /// The firmware's empty variable store; by default found beside the code.
    pub vars: Option<PathBuf>,
}

impl Named {
    /// What `BASALT_QEMU`, `BASALT_OVMF_CODE` and `BASALT_OVMF_VARS` name.
    #[must_use]
    pub fn from_environment() -> Self {
        let path = |name| env::var_os(name).map(PathBuf::from);
        Self {
            qemu: path("BASALT_QEMU"),
            code: path("BASALT_OVMF_CODE"),
            vars: path("BASALT_OVMF_VARS"),
        }
    }
}

impl Tools {
    /// Finds or installs what is needed; says on standard error what it installs.
    ///
    /// # Errors
    /// When something is missing and cannot be installed; the message says what to do.
    pub fn locate(named: &Named) -> Result<Self, Error> {
        // Two threads must not install at the same time.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (qemu, firmware) = (qemu(named)?, firmware(named)?);
        if let (Some(qemu), Some(firmware)) = (&qemu, &firmware) {
            return Ok(Self {
                qemu: qemu.clone(),
                firmware: firmware.clone(),
            });
        }
        let mut packages = Vec::new();
        packages.extend(qemu.is_none().then_some("qemu-system-x86"));
        packages.extend(firmware.is_none().then_some("ovmf"));
        let installed = install(&packages);
        let missing = |what: &str| {
            let why = installed
                .as_ref()
                .err()
                .map_or(String::new(), |why| format!(" ({why})"));
            Error::Missing(format!("{what} was not found{why}: {ADVICE}"))
        };
        Ok(Self {
            qemu: self::qemu(named)?.ok_or_else(|| missing("QEMU"))?,
            firmware: match self::firmware(named)? {
                Some(firmware) => firmware,
                None => prebuilt().ok_or_else(|| missing("the UEFI firmware OVMF"))?,
            },
        })
    }
}

fn existing(path: &Path) -> Result<PathBuf, Error> {
    match path.is_file() {
        true => Ok(path.to_owned()),
        false => Err(Error::Missing(format!("{} is not a file", path.display()))),
    }
}

fn qemu(named: &Named) -> Result<Option<PathBuf>, Error> {
    if let Some(path) = &named.qemu {
        return existing(path).map(Some);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::split_paths(&path)
        .map(|folder| folder.join(QEMU))
        .find(|path| path.is_file()))
}

fn firmware(named: &Named) -> Result<Option<Firmware>, Error> {
    let Some(code) = &named.code else {
        let found = FIRMWARE
            .iter()
            .find(|(code, vars)| Path::new(code).is_file() && Path::new(vars).is_file());
        return Ok(found.map(|(code, vars)| Firmware {
            code: code.into(),
            vars: vars.into(),
        }));
    };
    let code = existing(code)?;
    let vars = match &named.vars {
        Some(vars) => existing(vars)?,
        None => beside(&code).ok_or_else(|| {
            Error::Missing(format!(
                "no variable store was found beside {}: name it with --ovmf-vars",
                code.display()
            ))
        })?,
    };
    Ok(Some(Firmware { code, vars }))
}

/// The variable store that goes with a firmware's code, by the name that packages give it.
fn beside(code: &Path) -> Option<PathBuf> {
    let name = code.file_name()?.to_str()?;
    let candidates = [name.replace("CODE", "VARS"), name.replace("code", "vars")];
    candidates
        .iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| code.with_file_name(candidate))
        .find(|path| path.is_file())
}

/// Installs Debian packages where that needs no question: as root, or with a `sudo` that asks none.
fn install(packages: &[&str]) -> Result<(), String> {
    if env::var_os("BASALT_NO_INSTALL").is_some() {
        return Err("BASALT_NO_INSTALL forbids to install it".into());
    }
    let succeeds = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !succeeds("apt-get", &["--version"]) {
        return Err("there is no apt-get to install it with".into());
    }
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout == b"0\n");
    let prefix: &[&str] = match root {
        true => &[],
        false if succeeds("sudo", &["-n", "true"]) => &["sudo", "-n"],
        false => return Err("only root can install it, and sudo wants a password".into()),
    };
    eprintln!("installing {} with apt-get", packages.join(" and "));
    let apt = |arguments: &[&str]| {
        let mut words: Vec<OsString> = prefix.iter().map(Into::into).collect();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"].map(Into::into));
        words.extend(["-o", "DPkg::Lock::Timeout=300"].map(Into::into));
        words.extend(arguments.iter().map(Into::into));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!(
                    "apt-get failed: {}",
                    said.trim().lines().last().unwrap_or("")
                ))
            }
            Err(error) => Err(format!("apt-get cannot be started: {error}")),
        }
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// Downloads the firmware, or finds it downloaded.
#[cfg(feature = "ovmf-prebuilt")]
fn prebuilt() -> Option<Firmware> {
    use ovmf_prebuilt::{Arch, FileType, Prebuilt, Source};

    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("basalt-ovmf");
    eprintln!(
        "looking for the UEFI firmware in {}, else downloading it",
        cache.display()
    );
    match Prebuilt::fetch(Source::LATEST, cache) {
        Ok(files) => Some(Firmware {
            code: files.get_file(Arch::X64, FileType::Code),
            vars: files.get_file(Arch::X64, FileType::Vars),
        }),
        Err(error) => {
            eprintln!("the UEFI firmware cannot be downloaded: {error}");
            None
        }
    }
}

#[cfg(not(feature = "ovmf-prebuilt"))]
fn prebuilt() -> Option<Firmware> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_files_must_exist_and_bring_their_variable_store() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let named = |code| Named {
            code: Some(code),
            ..Named::default()
        };
        assert!(matches!(
            firmware(&named(at("none.fd"))),
            Err(Error::Missing(_))
        ));

        std::fs::write(at("MY_CODE.fd"), []).unwrap();
        let alone = firmware(&named(at("MY_CODE.fd"))).unwrap_err().to_string();
        assert!(alone.contains("--ovmf-vars"), "{alone}");
        std::fs::write(at("MY_VARS.fd"), []).unwrap();
        let both = firmware(&named(at("MY_CODE.fd"))).unwrap().unwrap();
        assert_eq!(both.vars, at("MY_VARS.fd"));

        let missing = Named {
            qemu: Some(at("qemu")),
            ..Named::default()
        };
        assert!(qemu(&missing).is_err());
    }
}
