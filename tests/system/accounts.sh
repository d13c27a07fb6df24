#!/bin/bash
# Users, groups and folders come out as the units expect them.
. "$WHARF_SOURCE/tests/lib/lib.sh"
need_root
need_command systemd-sysusers
need_command systemd-tmpfiles

mkdir -p "$work/root/etc"
systemd-sysusers --root="$work/root" "$WHARF_SOURCE/systemd/wharf.sysusers" 2>&1
cut -d: -f1 "$work/root/etc/passwd" >"$work/users"
cut -d: -f1 "$work/root/etc/group" >"$work/groups"

for unit in "$WHARF_BUILD"/systemd/units/*.service; do
	user=$(sed -n 's/^User=//p' "$unit")
	grep -qx "$user" "$work/users" || fail "${unit##*/}: no user $user"
done
for unit in "$WHARF_BUILD"/systemd/units/*.socket; do
	group=$(sed -n 's/^SocketGroup=//p' "$unit")
	grep -qx "$group" "$work/groups" || fail "${unit##*/}: no group $group"
done

systemd-tmpfiles --create --root="$work/root" "$WHARF_SOURCE/systemd/wharf.tmpfiles"
for unit in "$WHARF_BUILD"/systemd/units/*.service; do
	for path in $(sed -n 's/^ReadWritePaths=//p' "$unit"); do
		[ -d "$work/root$path" ] || fail "${unit##*/}: $path is made by nobody"
	done
done
owner=$(stat -c %u "$work/root/var/lib/wharf/tls")
wanted=$(awk -F: '$1 == "wharf-web" { print $3 }' "$work/root/etc/passwd")
[ "$owner" = "$wanted" ] || fail "tls belongs to $owner, not to wharf-web ($wanted)"
