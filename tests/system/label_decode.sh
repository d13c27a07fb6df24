#!/bin/bash
# The built-in label, drawn by a ZPL renderer that is not ours, is read back by a barcode reader that is not
# ours either: right SSCC, right symbology (GS1-128), nothing else on the label looks like a bar code.
. "$WHARF_SOURCE/tests/lib/lib.sh"

need_command node
need_command ZXingReader
here=$WHARF_SOURCE/tests/system
[ -d "$here/node_modules/zpl-renderer-js" ] || skip "needs zpl-renderer-js (npm install in tests/system)"

# Only 203 dpi: the reader of Debian 12 (1.4.0) aborts in an assertion of its own on larger pictures.
label=$WHARF_SOURCE/tests/unit/data/logistic-a6-203.zpl
node "$here/zpl_png.mjs" "$label" "$work/label.png" 105 148 8 >"$work/log" 2>&1 ||
	fail "cannot draw: $(tail -c 300 "$work/log")"
ZXingReader "$work/label.png" >"$work/read" 2>&1 || fail "no symbol: $(cat "$work/read")"
[ "$(grep -c '^Text:' "$work/read")" = 1 ] || fail "not one symbol: $(cat "$work/read")"
grep -q '^Text: *"00340123450000000017"$' "$work/read" || fail "wrong text: $(cat "$work/read")"
grep -q '^Identifier: \]C1$' "$work/read" || fail "not GS1-128: $(cat "$work/read")"
