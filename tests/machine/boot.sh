#!/bin/bash
# The real units with the real programs under a booted systemd: they start hardened as they are, the
# core takes its sockets, comes back after kill -9, and only the right group gets through a door.
. "$WHARF_SOURCE/tests/lib/lib.sh"
need_root
need_command systemd-nspawn
for program in wharfd wharf-web wharf-sync wharf-bridge wharf-plc wharf-print wharf-hq; do
	need_program "$program"
done

# A throw-away overlay of this machine's own root, so that nothing has to be downloaded.
mkdir "$work/top"
mount -t tmpfs none "$work/top" 2>/dev/null || skip "may not mount here"
at_end() {
	umount -l "$work/top/root" "$work/top" 2>/dev/null
}
mkdir "$work/top"/{upper,work,root,out}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/top/upper,workdir=$work/top/work" \
	"$work/top/root" 2>/dev/null || skip "may not mount an overlay here"
root=$work/top/root

DESTDIR=$root cmake --install "$WHARF_BUILD" >"$work/install.log" || fail "cmake --install"
rm -f "$root/etc/systemd/system/multi-user.target.wants"/*
cp "$WHARF_SOURCE/tests/machine/boot-inside.sh" "$root/boot-inside.sh"
cat >"$root/etc/systemd/system/boot-test.service" <<'U'
[Unit]
After=basic.target
[Service]
Type=oneshot
StandardOutput=append:/out/log
StandardError=append:/out/log
ExecStart=/bin/bash /boot-inside.sh
ExecStopPost=/bin/systemctl poweroff -ff
U
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../boot-test.service "$root/etc/systemd/system/multi-user.target.wants/"
timeout -k 3 100 systemd-nspawn -q -D "$root" --register=no --keep-unit --private-network \
	--bind="$work/top/out:/out" -b systemd.show_status=0 quiet \
	</dev/null >"$work/console" 2>&1 || :
[ -s "$work/top/out/log" ] || skip "no systemd boots in a container here: $(tail -n 1 "$work/console")"
cat "$work/top/out/log"
grep -qx 'all is well' "$work/top/out/log" || fail "$(grep '^failed' "$work/top/out/log" | tail -n 1)"
