#!/bin/bash
# Measures: tests/bench/run.sh [picks|web|divert|drain|start|disk|growth ...] (default: all). Builds the release preset, runs each bench,
# prints a table with the median of its runs, and appends all figures to .build/bench/results.jsonl.
# SECONDS_EACH (5) and RUNS (3) set length and repetitions; WHARF_BENCH_DIR the disk (default /var/tmp).
set -euo pipefail
cd "$(dirname "$0")/../.."

names=${*:-picks web divert drain start disk growth}
results=.build/bench
mkdir -p "$results"

say() {
	printf '%s\n' "$*" >&2
}

targets=()
for name in $names; do
	[ -f "tests/bench/bench_$name.c" ] || { say "there is no bench $name"; exit 2; }
	targets+=("bench_$name")
done
say "building: release"
{ cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release -j "$(nproc)" --target "${targets[@]}"; } \
	>"$results/build.log" 2>&1 || { tail -n 20 "$results/build.log"; exit 1; }

# The Node yardstick of "web"; without it that row is missing and the bench says so.
case " $names " in *" web "*)
	if command -v npm >/dev/null && [ ! -d "$results/node/node_modules" ]; then
		say "installing: better-sqlite3 for the Node yardstick"
		mkdir -p "$results/node"
		cp tests/bench/node/package*.json "$results/node/"
		npm ci --prefix "$results/node" --no-audit --no-fund >"$results/npm.log" 2>&1 ||
			say "npm failed, see $results/npm.log"
	fi ;;
esac

: >"$results/last.jsonl"
for name in $names; do
	say "measuring: $name (load $(cut -d' ' -f1-3 /proc/loadavg))"
	".build/release/bin/bench_$name" --seconds "${SECONDS_EACH:-5}" --runs "${RUNS:-3}" >>"$results/last.jsonl"
done
cat "$results/last.jsonl" >>"$results/results.jsonl"
python3 tests/bench/table.py "$results/last.jsonl"
