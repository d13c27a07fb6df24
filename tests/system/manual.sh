#!/bin/bash
# Every program's manual page renders without a warning and has the parts a reader looks for.
. "$WHARF_SOURCE/tests/lib/lib.sh"
need_command groff

lint() {
	groff -K utf8 -man -Tutf8 -ww -z "$1" 2>&1
}

printf '.TH x 8\n.SH NAME\nx \\- y\n.nosuchmacro\n' >"$work/bad.8"
[ -n "$(lint "$work/bad.8")" ] || fail "the lint finds nothing"

found=0
for page in "$WHARF_BUILD"/docs/man/*.[58]; do
	warnings=$(lint "$page")
	[ -z "$warnings" ] || fail "${page##*/}: $warnings"
	for part in NAME DESCRIPTION "SEE ALSO"; do
		grep -q "^\.SH $part" "$page" || fail "${page##*/} has no $part"
	done
	found=$((found + 1))
done
[ "$found" -ge 2 ] || fail "only $found pages"

for program in "$WHARF_BIN"/wharf*; do
	[ -e "$WHARF_BUILD/docs/man/${program##*/}.8" ] || fail "${program##*/} has no page"
done
echo "$found pages"
