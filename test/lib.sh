# lib.sh: a throwaway PostgreSQL server, for the tests and the demo.  Source it.
#
# The server listens on a unix socket in its own folder and nowhere else, so it
# can neither meet nor disturb another server on the machine.  As root it runs
# as the unprivileged user that Debian's packages create, because initdb
# refuses root.

top=$(CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# What the fuzzers and the matcher's benchmark build without a server, below src.
text_room="text/text text/fold text/html text/lexicon text/respell text/line text/sentence text/url"
matcher_room="classify/literal classify/pattern classify/prefilter classify/matcher"

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

# copy_tree FOLDER: the sources as they stand, with what is new, without what is
# built.  Without git, or outside a clone, the patterns stand in for .gitignore.
copy_tree() {
	mkdir -p "$1"
	if [ -e "$top/.git" ] && git -c safe.directory="$top" -C "$top" rev-parse >/dev/null 2>&1; then
		# A file that is deleted but still tracked is no longer there to copy.
		git -c safe.directory="$top" -C "$top" ls-files -z --cached --others --exclude-standard |
			(cd "$top" && while IFS= read -r -d '' file; do
				if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
			done) | tar -C "$top" --null -T - -cf - | tar -C "$1" --no-same-owner -xf -
	else
		tar -C "$top" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
			--exclude='./pg_consent--*.sql' --exclude=./.built-for -cf - . | tar -C "$1" --no-same-owner -xf -
	fi
}

# scratch_dir NAME: a new folder that the server's user owns and can reach, with
# a name short enough for a socket in it: the kernel's limit is 107 bytes, and
# /.s.PGSQL.5432 needs 14 of them.  PostgreSQL's test programs do not quote what
# a shell would split.  Where $TMPDIR does not serve, /tmp does.
scratch_dir() {
	local base dir
	if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
		die "PostgreSQL refuses to run as root, and there is no user \"postgres\" to run it as"
	fi
	for base in "${TMPDIR:-/tmp}" /tmp; do
		case $base in /*) ;; *) base=$PWD/$base ;; esac
		dir=$(mktemp -d "${base%/}/pg_consent-$1.XXXXXX" 2>/dev/null) || { say "$base cannot be written to"; continue; }
		chmod 755 "$dir"
		if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
		if [ "$(printf %s "$dir" | wc -c)" -le 93 ] && [[ $dir != *[[:space:]\'\"\\,]* ]] &&
			(cd / && as_server test -w "$dir"); then
			printf '%s\n' "$dir"
			return
		fi
		rmdir "$dir"
		say "$base cannot hold the server's files (too long, closed to their user, or with a space in it)"
	done
	die "there is no folder for the server's files; set TMPDIR to one"
}

# server_start DIR [SETTING=VALUE...]: initdb if need be, and start.
server_start() {
	local dir=$1 bin setting
	shift
	bin=$("$(pg_config_path)" --bindir)
	if [ ! -d "$dir/data" ]; then
		(cd "$dir" && as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 \
			--locale=C.UTF-8 --no-instructions) >"$dir/initdb.log" 2>&1 ||
			{ cat "$dir/initdb.log" >&2; die "initdb failed"; }
		{
			echo "listen_addresses = ''"
			echo "unix_socket_permissions = 0700"
			echo "unix_socket_directories = '$dir'"
			# Said here, because the server would believe PGPORT otherwise.
			echo "port = 5432"
			echo "fsync = off"
			echo "log_line_prefix = '%m [%p] %q%a '"
			for setting in "$@"; do echo "$setting"; done
		} | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
	fi
	(cd "$dir" && as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -s start) ||
		{ tail -n 20 "$dir/server.log" >&2; die "the server did not start"; }
}

server_stop() {
	local bin
	bin=$("$(pg_config_path)" --bindir)
	(cd "$1" && as_server "$bin/pg_ctl" -D "$1/data" -m fast -s stop)
}

# servers_stop DIR: stop every server whose data lies below DIR, also those that
# a test started and, being killed, did not stop.
servers_stop() {
	local file pid tries signal
	while IFS= read -r -d '' file; do
		pid=$(head -n 1 "$file" 2>/dev/null) || continue
		# A server that is gone may have left its file, and its number to another.
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ] || continue
		for signal in INT QUIT KILL; do
			kill -"$signal" "$pid" 2>/dev/null || break
			for ((tries = 0; tries < 50; tries++)); do
				kill -0 "$pid" 2>/dev/null || break 2
				sleep 0.1
			done
		done
	done < <(find "$1" -name postmaster.pid -print0 2>/dev/null)
}
