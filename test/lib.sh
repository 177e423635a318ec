# lib.sh: a throwaway PostgreSQL server, for the tests and the demo.  Source it.
#
# The server listens on a unix socket in its own folder and nowhere else, so it
# can neither meet nor disturb another server on the machine.  As root it runs
# as the unprivileged user that Debian's packages create, because initdb
# refuses root.

top=$(CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "pg_consent: $*"; exit 1; }

# The server's programs live where its pg_config says.
pg_config_path() {
	if [ -n "${PG_CONFIG:-}" ] && [ "$PG_CONFIG" != pg_config ]; then
		printf '%s\n' "$PG_CONFIG"
		return
	fi
	# Debian keeps every version apart: take the newest that can build extensions.
	local found
	found=$(ls -d /usr/lib/postgresql/*/lib/pgxs 2>/dev/null | sort -V | tail -n 1)
	if [ -n "$found" ]; then
		printf '%s\n' "${found%/lib/pgxs}/bin/pg_config"
	else
		command -v pg_config
	fi
}

# as_server COMMAND...: run it as the user who owns the throwaway server.
as_server() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

# scratch_dir NAME: a new folder that the server's user owns.
scratch_dir() {
	local dir
	dir=$(mktemp -d "${TMPDIR:-/tmp}/pg_consent-$1.XXXXXX")
	chmod 755 "$dir"
	if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
	printf '%s\n' "$dir"
}

# server_start DIR [SETTING=VALUE...]: initdb if need be, and start.
server_start() {
	local dir=$1 bin setting
	shift
	bin=$("$(pg_config_path)" --bindir)
	if [ ! -d "$dir/data" ]; then
		as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 \
			--locale=C.UTF-8 --no-instructions >"$dir/initdb.log" 2>&1 ||
			{ cat "$dir/initdb.log" >&2; die "initdb failed"; }
		{
			echo "listen_addresses = ''"
			echo "unix_socket_directories = '$dir'"
			echo "fsync = off"
			echo "log_line_prefix = '%m [%p] %q%a '"
			for setting in "$@"; do echo "$setting"; done
		} | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
	fi
	as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -s start ||
		{ tail -n 20 "$dir/server.log" >&2; die "the server did not start"; }
}

server_stop() {
	local bin
	bin=$("$(pg_config_path)" --bindir)
	as_server "$bin/pg_ctl" -D "$1/data" -m fast -s stop
}
