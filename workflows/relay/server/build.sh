#!/usr/bin/env bash
# Builds the two static programs of the image: server/build.sh FOLDER puts `relay` and `init` there.
# PLATFORM (linux/amd64 or linux/arm64; this machine's by default) says for what. Needs Rust, and a C compiler for its
# linker; for another platform than this machine's, the Rust target of that platform instead of the compiler.
set -euo pipefail

folder=$(mkdir -p -- "$1" && cd -- "$1" && pwd)
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

fail() {
  printf 'build.sh: %s\n' "$1" >&2
  exit 1
}

host=$(rustc -vV | sed -n 's/^host: //p')
case "${PLATFORM:-}" in
  '') processor=${host%%-*} ;;
  linux/amd64) processor=x86_64 ;;
  linux/arm64) processor=aarch64 ;;
  *) fail "PLATFORM is \`$PLATFORM\`, expected linux/amd64 or linux/arm64" ;;
esac

flags=(-C target-feature=+crt-static)
case "$host" in
  "$processor"-unknown-linux-*) target=$host ;;
  *)
    # Rust's musl targets bring their own C library and are linked by Rust's own linker: no other compiler is needed.
    target=$processor-unknown-linux-musl
    flags+=(-C linker=rust-lld)
    libraries=$(rustc --print sysroot)/lib/rustlib/$target
    [[ -d $libraries ]] || fail "this machine is $host; to build for $processor run: rustup target add $target"
    ;;
esac

# The same sources give the same bytes, wherever they lie: no path of this machine stays in the programs.
flags+=("--remap-path-prefix=$PWD=/relay-server" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo")

printf 'building relay and init for %s\n' "$target" >&2
# Of the ways to hand flags to cargo the one that takes a folder with a space in its name.
separated=$(printf '\x1f%s' "${flags[@]}")
CARGO_ENCODED_RUSTFLAGS=${separated:1} cargo build --release --locked --bins --target "$target" --target-dir target
for program in relay init; do
  install -m 0755 -- "target/$target/release/$program" "$folder/$program"
done
