#!/bin/sh
# Rebuilds guests from their sources and says for each whether it is, byte by byte, the one in wasm/.
#
#   rebuild.sh OUT [GUEST...]
#
# Needs Debian 12's rustc, cargo, libstd-rust-dev-wasm32 and lld (apt installs them beside a rustup toolchain, in /usr/bin), and a current cargo in
# PATH: it fetches the crates, which Debian's cannot, and builds the tool that embeds the interface types. EMBED names that tool when it is built
# already. The guest "std" is built by the cargo in PATH, which needs the target wasm32-wasip1. Nothing is written outside of OUT.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
if [ -z "${EMBED:-}" ]; then
    cargo build --quiet --release --manifest-path "$here/embed/Cargo.toml" --target-dir "$out/tools"
    EMBED=$out/tools/release/guests-embed
fi
compare() {
    if cmp -s "$out/$1.wasm" "$here/wasm/$1.wasm"; then
        echo "$1: the same bytes"
    else
        echo "$1: differs ($(wc -c <"$out/$1.wasm") bytes, kept: $(wc -c <"$here/wasm/$1.wasm"))"
    fi
}
case " $* " in
*" std "* | "  ")
    (
        cd "$here/std"
        CARGO_TARGET_DIR="$out/target" RUSTFLAGS="--remap-path-prefix $here=guests" \
            cargo build --quiet --locked --release --target wasm32-wasip1
    )
    "$EMBED" "$out/target/wasm32-wasip1/release/std.wasm" "$out/std.wasm" 0.14.0
    compare std
    ;;
esac
for sdk in 10:0.10.3 12:0.12.0 13:0.13.0 14:0.14.0; do
    package=sdk${sdk%:*}
    wanted=
    for guest in $(sed -n 's/^name = "\(.*\)"$/\1/p' "$here/$package/Cargo.toml" | tail -n +2); do
        case " $* " in *" $guest "* | "  ") wanted="$wanted $guest" ;; esac
    done
    [ -n "$wanted" ] || continue
    # Built from a copy with the crates vendored, so that Debian's cargo needs no registry. Paths get into the binaries: they are made the same.
    rm -rf "${out:?}/$package"
    mkdir -p "$out/$package/.cargo"
    cp "$here/$package/Cargo.lock" "$out/$package/"
    sed "s,\.\./src,$here/src," "$here/$package/Cargo.toml" >"$out/$package/Cargo.toml"
    [ "$package" = sdk14 ] && versioned= || versioned=--versioned-dirs
    (cd "$out/$package" && cargo vendor --quiet --locked $versioned vendor >/dev/null)
    printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n' >"$out/$package/.cargo/config.toml"
    (
        cd "$out/$package"
        # shellcheck disable=SC2046
        PATH=/usr/bin:/bin CARGO_HOME="$out/home" CARGO_TARGET_DIR="$out/target" \
            RUSTFLAGS="--remap-path-prefix $out/$package=guests --remap-path-prefix $here=guests" \
            /usr/bin/cargo build --quiet --offline --release --target wasm32-wasi $(printf -- '--bin %s ' $wanted)
    )
    for guest in $wanted; do
        "$EMBED" "$out/target/wasm32-wasi/release/$guest.wasm" "$out/$guest.wasm" "${sdk#*:}"
        compare "$guest"
    done
done
