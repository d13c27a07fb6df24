#!/bin/bash
# The example configuration is the table's, word for word, and is a good configuration.
. "$WHARF_SOURCE/tests/lib/lib.sh"

"$WHARF_BUILD/docs/wharf-manual" example >"$work/wharf.conf"
cmp "$work/wharf.conf" "$WHARF_SOURCE/systemd/wharf.conf" ||
	fail "systemd/wharf.conf is old: .build/dev/docs/wharf-manual example >systemd/wharf.conf"

# Also with every key taken out of its comment; sections with a * are left out, they need a name.
awk '/^;\[/ { star = /\*/ } /^;[^ ]/ && !star { sub(/^;/, "") } { print }' \
	"$work/wharf.conf" >"$work/all.conf"
grep -q '^ping_ms = ' "$work/all.conf" || fail "no key was taken out of its comment"
cp "$WHARF_SOURCE/systemd/hq.conf" "$work/hq.conf"
for file in wharf.conf all.conf hq.conf; do
	said=$("$WHARF_BIN/wharf" -c "$work/$file" check --json 2>/dev/null) || :
	grep -q '"check":"configuration","result":"ok"' <<<"$said" || fail "$file is refused"
done
printf '[core]\nballast = 1\n' >"$work/bad.conf"
! "$WHARF_BIN/wharf" -c "$work/bad.conf" check 2>"$work/said" || fail "an unknown key was accepted"
grep -q "bad.conf:2: unknown key" "$work/said" || fail "no line: $(cat "$work/said")"
