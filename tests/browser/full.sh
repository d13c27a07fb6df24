#!/bin/bash
# What the pages show while the disk fills up, is full, and has space again.
source "${WHARF_SOURCE:-$(dirname "$0")/../..}/tests/lib/lib.sh"
need_command node
need_command chromium
need_command fallocate
need_program wharfd
need_program wharf-web
need_program wharf
[ -d "$WHARF_SOURCE/tests/browser/node_modules/playwright-core" ] || skip "needs npm install in tests/browser"
mkdir "$work/state"
unshare -m true 2>/dev/null || skip "needs root to mount a small file system"
export WHARF_BIN WHARF_SOURCE PORT WORK=$work
PORT=$(free_port)
# In a mount namespace of its own: however this ends, nothing stays mounted.
unshare -m bash -c 'mount -t tmpfs -o size=64m wharf-test "$WORK/state" && exec node "$WHARF_SOURCE/tests/browser/full.mjs"'
