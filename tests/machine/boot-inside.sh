#!/bin/bash
# Runs inside the container of boot.sh, as root, under a real systemd.
set -uo pipefail

fail() {
	echo "failed: $*"
	systemctl --no-pager -n 0 status wharfd | head -n 12
	journalctl --no-pager -o cat -u wharfd | grep -vE "socket|Scheduled" | head -n 12
	# What the programs said, without systemd's own lines.
	journalctl --no-pager -o cat -t wharfd -t wharf-web -t wharf-sync -t wharf-bridge -t wharf-plc \
		-t wharf-print -t wharf-hq | sort | uniq -c | sort -rn | head -n 40
	echo "failed: $*"
	exit 1
}

# until_true SECONDS COMMAND...
until_true() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "not in time: $*"
		read -rt 0.05 <> <(:) || :
	done
}

# runs_anew UNIT OLD-PID
runs_anew() {
	local pid
	pid=$(systemctl show -p MainPID --value "$1")
	[ "$pid" != 0 ] && [ "$pid" != "$2" ] && systemctl is-active -q "$1"
}

ip link set lo up 2>/dev/null
systemd-sysusers && systemd-tmpfiles --create || fail "accounts and folders"
systemctl daemon-reload

# The hub makes its keys first, as on a real site; the site gets the hub's public one.
systemctl start wharf-hq.service || fail "wharf-hq does not start"
systemctl start wharf.target wharf-plc@conveyor1.service || fail "wharf.target does not start"
units="wharfd wharf-web wharf-sync wharf-bridge wharf-plc@conveyor1 wharf-print wharf-hq"
until_true 20 wharf status
for unit in $units; do
	until_true 10 systemctl is-active "$unit.service"
done
[ "$(systemctl show -p MainPID --value wharfd)" != 0 ] || fail "wharfd has no pid"

# The door's sockets are systemd's: right group, right mode.
for kind in bridge plc print web sync advisor ctl; do
	[ "$(stat -c '%a %G' /run/wharf/door/$kind)" = "660 wharf-$kind" ] ||
		fail "door/$kind: $(stat -c '%a %U %G' /run/wharf/door/$kind)"
done
runuser -u nobody -- wharf status >/dev/null 2>&1 && fail "anybody may use the ctl door"
runuser -u nobody -G wharf-ctl -- wharf status >/dev/null 2>&1 || fail "group wharf-ctl may not use the ctl door"

# Killed, each comes back by itself; the core's sockets stay.
for unit in $units; do
	pid=$(systemctl show -p MainPID --value "$unit")
	kill -9 "$pid"
	until_true 20 runs_anew "$unit" "$pid"
done
until_true 20 wharf status

# Nobody is refused a system call, nobody starts again and again.
for unit in $units; do
	pid=$(systemctl show -p MainPID --value "$unit")
	restarts=$(systemctl show -p NRestarts --value "$unit")
	[ "$restarts" -le 1 ] || fail "$unit was started again $restarts times"
	[ "$pid" != 0 ] || fail "$unit does not run"
	echo "$unit: runs as $(stat -c %U /proc/"$pid"), seccomp $(sed -n 's/^Seccomp:\t//p' /proc/"$pid"/status)"
done
wharf audit || fail "audit"
wharf replay || fail "replay"
until_true 10 curl -ks -o /dev/null https://127.0.0.1:8443/

systemctl stop wharf.target || fail "wharf.target does not stop"
for unit in wharfd wharf-web wharf-sync wharf-bridge wharf-plc@conveyor1 wharf-print; do
	! systemctl is-active -q "$unit" || fail "$unit did not stop"
done
echo "all is well"
