#!/bin/sh
# A private cupsd of its own folder and port, for tests and the demo; the system's CUPS is not touched.
#
#   cupsd.sh start DIR PORT [ERROR-POLICY]   starts it in the background, prints its pid when it answers
#   cupsd.sh queue DIR PORT NAME URI         adds a raw queue
#   cupsd.sh stop DIR                        ends it
#
# As root it runs its backends as lp, like a real one; otherwise everything runs as the caller.
# Ends with 77 where cupsd or its commands are not installed (Debian: cups cups-client).
set -eu

cupsd=/usr/sbin/cupsd
start_s=10

fail() {
	echo "cupsd.sh: $*" >&2
	exit 1
}

need() {
	command -v "$1" >/dev/null || {
		echo "skipped: needs $1 (Debian: cups cups-client)"
		exit 77
	}
}

make_folders() {
	mkdir -p "$dir/etc/ppd" "$dir/spool/tmp" "$dir/cache" "$dir/run/certs" "$dir/log" "$dir/doc"
	[ "$(id -u)" = 0 ] || return 0
	chown -R root:lp "$dir"
	chmod 711 "$dir"
	chmod 710 "$dir/spool"
	chmod 1770 "$dir/spool/tmp"
	chmod 770 "$dir/cache"
	chmod 755 "$dir/run"
}

# An unknown word in this file ends cupsd without a message anywhere but in its log.
write_files_conf() {
	cat <<-END
		ServerRoot $dir/etc
		RequestRoot $dir/spool
		TempDir $dir/spool/tmp
		CacheDir $dir/cache
		StateDir $dir/run
		DocumentRoot $dir/doc
		ServerBin /usr/lib/cups
		DataDir /usr/share/cups
		AccessLog $dir/log/access_log
		ErrorLog $dir/log/error_log
		PageLog $dir/log/page_log
		Printcap
	END
	if [ "$(id -u)" = 0 ]; then
		printf 'User lp\nGroup lp\nSystemGroup root lpadmin\n'
	fi
}

write_conf() {
	cat <<-END
		LogLevel info
		MaxLogSize 0
		Listen 127.0.0.1:$port
		Listen $dir/run/cups.sock
		Browsing Off
		WebInterface No
		DefaultEncryption Never
		PreserveJobHistory Yes
		PreserveJobFiles No
		ErrorPolicy $policy
		MaxJobs 0
		DirtyCleanInterval 0
		IdleExitTimeout 0
		<Location />
		  Order allow,deny
		  Allow 127.0.0.1
		</Location>
		<Policy default>
		  JobPrivateAccess all
		  JobPrivateValues none
		  SubscriptionPrivateAccess all
		  SubscriptionPrivateValues none
		  <Limit All>
		    Order deny,allow
		  </Limit>
		</Policy>
	END
}

wait_until_it_answers() {
	tries=$((start_s * 50))
	while [ "$tries" -gt 0 ]; do
		if timeout 2 lpstat -h "127.0.0.1:$port" -r 2>/dev/null | grep -q 'is running'; then
			return 0
		fi
		kill -0 "$1" 2>/dev/null || fail "cupsd ended: $(tail -n 3 "$dir/log/error_log" 2>/dev/null)"
		sleep 0.02
		tries=$((tries - 1))
	done
	fail "no answer on port $port in $start_s s: $(tail -n 3 "$dir/log/error_log" 2>/dev/null)"
}

start() {
	dir=$1 port=$2 policy=${3:-abort-job}
	need "$cupsd"
	need lpadmin
	need lpstat
	make_folders
	write_files_conf >"$dir/etc/cups-files.conf"
	write_conf >"$dir/etc/cupsd.conf"
	setsid "$cupsd" -f -c "$dir/etc/cupsd.conf" -s "$dir/etc/cups-files.conf" >"$dir/log/out" 2>&1 </dev/null &
	echo $! >"$dir/pid"
	wait_until_it_answers $!
	cat "$dir/pid"
}

queue() {
	lpadmin -h "127.0.0.1:$2" -p "$3" -E -v "$4" -m raw -o printer-error-policy=abort-job 2>"$1/log/lpadmin" ||
		fail "lpadmin: $(cat "$1/log/lpadmin")"
}

stop() {
	pid=$(cat "$1/pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || return 0
	tries=$((start_s * 50))
	while kill -0 "$pid" 2>/dev/null; do
		[ "$tries" -gt 0 ] || kill -KILL "$pid"
		sleep 0.02
		tries=$((tries - 1))
	done
}

case "${1:-}" in
start) [ $# -ge 3 ] || fail "start DIR PORT [ERROR-POLICY]"; shift; start "$@" ;;
queue) [ $# -eq 5 ] || fail "queue DIR PORT NAME URI"; shift; queue "$@" ;;
stop) [ $# -eq 2 ] || fail "stop DIR"; shift; stop "$@" ;;
*) fail "start, queue or stop" ;;
esac
