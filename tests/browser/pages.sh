#!/bin/bash
# The pages in a real Chromium against the real programs.
source "${WHARF_SOURCE:-$(dirname "$0")/../..}/tests/lib/lib.sh"
need_command node
need_command chromium
need_program wharfd
need_program wharf-web
need_program wharf
[ -d "$WHARF_SOURCE/tests/browser/node_modules/playwright-core" ] || skip "needs npm install in tests/browser"
export WHARF_BIN WHARF_SOURCE
WORK=$work PORT=$(free_port) node "$WHARF_SOURCE/tests/browser/pages.mjs"
