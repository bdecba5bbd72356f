#!/bin/sh
# Rebuilds the guests from their sources and says for each whether it is, byte by byte, the one in wasm/.
#
#   rebuild.sh OUT [GUEST...]
#
# Needs Debian 12's rustc, cargo, libstd-rust-dev-wasm32 and lld (apt installs them beside a rustup toolchain, in /usr/bin), and a current cargo in
# PATH: it fetches the crates, which Debian's cannot, and builds the tool that embeds the interface types. Nothing is written outside of OUT.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
RUSTC_BOOTSTRAP=marine_core cargo build --quiet --release --manifest-path "$here/../../bench-peer/Cargo.toml" --bin embed --target-dir "$out/tools"
for sdk in 10:0.10.3 12:0.12.0 13:0.13.0 14:0.14.0; do
    package=sdk${sdk%:*}
    # Built from a copy with the crates vendored, so that Debian's cargo needs no registry.
    rm -rf "$out/$package"
    mkdir -p "$out/$package/.cargo"
    cp "$here/$package/Cargo.lock" "$out/$package/"
    sed "s,\.\./src,$here/src," "$here/$package/Cargo.toml" >"$out/$package/Cargo.toml"
    (cd "$out/$package" && cargo vendor --quiet --locked vendor >config.toml && mv config.toml .cargo/)
    (
        cd "$out/$package"
        PATH=/usr/bin:/bin CARGO_HOME="$out/home" CARGO_TARGET_DIR="$out/target" \
            /usr/bin/cargo build --quiet --offline --release --target wasm32-wasi
    )
    for source in $(sed -n 's/^name = "\(.*\)"$/\1/p' "$here/$package/Cargo.toml" | tail -n +2); do
        case " $* " in *" $source "* | "  ") ;; *) continue ;; esac
        "$out/tools/release/embed" "$out/target/wasm32-wasi/release/$source.wasm" "$out/$source.wasm" "${sdk#*:}"
        if cmp -s "$out/$source.wasm" "$here/wasm/$source.wasm"; then
            echo "$source: the same bytes"
        else
            echo "$source: differs ($(wc -c <"$out/$source.wasm") bytes, kept: $(wc -c <"$here/wasm/$source.wasm"))"
        fi
    done
done
