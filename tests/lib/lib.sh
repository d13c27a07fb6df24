# shellcheck shell=bash
# Helpers of the shell tests: source "$WHARF_SOURCE/tests/lib/lib.sh".
set -euo pipefail

: "${WHARF_SOURCE:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${WHARF_BUILD:=$WHARF_SOURCE/.build/dev}"
: "${WHARF_BIN:=$WHARF_BUILD/bin}"

# Ends the test as skipped, with the reason.
skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "failed: $*" >&2
	exit 1
}

need_command() {
	command -v "$1" >/dev/null || skip "needs the command $1"
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# A program that this build does not have (yet) makes the test meaningless, not wrong.
need_program() {
	[ -x "$WHARF_BIN/$1" ] || skip "$1 is not built here"
}

# wait_for SECONDS COMMAND...: until it is true; its output is thrown away.
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "not in time: $*"
		read -rt 0.02 <> <(:) || :
	done
}

# free_port: a TCP port nobody listens on just now.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Makes $work, a folder of this test's own; at the end every process in $pids is ended and it is gone.
# A test that has more to clear away defines at_end().
pids=()
work=$(mktemp -d /tmp/wharf-test.XXXXXX)
finish() {
	local code=$? pid
	for pid in "${pids[@]:-}"; do
		[ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null || :
	done
	if declare -F at_end >/dev/null; then
		at_end || :
	fi
	rm -rf --one-file-system "$work"
	exit "$code"
}
trap finish EXIT
