#!/usr/bin/env bash
# stop.sh - what `make stop` does: ends every cell that runs on this machine
# (those of `make run` and those started by hand), and the Kafka broker of
# `make run`, looks whether anything is left of them, and says what was kept.
# It looks with tools other than Cairn's: who cleans up is not asked whether it
# is clean.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/steps.sh
. deploy/cells.sh

[ "$(id -u)" = 0 ] || fail "not root" "run it again as root: sudo make stop"

plan "end the cells" "end Apache Kafka" "look for what is left"

# option NAME WORDS... prints the value of --NAME in a command line.
option() {
	local name=--$1 w
	shift
	while [ $# -gt 0 ]; do
		w=$1
		shift
		case $w in
		"$name") echo "${1:-}" && return ;;
		"$name="*) echo "${w#*=}" && return ;;
		esac
	done
}

# Each line: data dir, run dir. First those that run, by their command lines;
# then those of `make run`, which may have died and left things behind.
declare -A cells=()
for pid in $(supervisors); do
	mapfile -d '' -t words <"/proc/$pid/cmdline" || continue
	name=$(option name "${words[@]}")
	suffix=${name:+-$name}
	if [ "$name" = cairn ]; then suffix=; fi
	d=$(option data-dir "${words[@]}")
	r=$(option run-dir "${words[@]}")
	cells[${d:-/var/lib/cairn$suffix}]=${r:-/run/cairn$suffix}
done
for l in embedded kafka; do
	cell "$l"
	if [ -d "$run" ] && [ -e "$data/cell.json" ]; then cells[$data]=$run; fi
done

step
hint "read the lines above; name the processes that hold on: bin/cairn status -o json"
if [ ${#cells[@]} = 0 ]; then note "none runs"; fi
for d in "${!cells[@]}"; do
	[ -x "$bin" ] || fail "bin/cairn is not built, and a cell runs on $d" "run: make build; then make stop again"
	note "$d"
	"$bin" down --data-dir "$d" --run-dir "${cells[$d]}"
done

step
hint "see its log: $broker_data/kafka.log"
if [ -f "$broker_data/kafka.pid" ]; then
	deploy/kafka/kafka.sh stop "$broker_data"
	note "the broker of $broker_data has ended"
else
	note "none runs"
fi

step
hint "run make stop again; if the same thing stays, it is a bug worth reporting with this output"
left=()
found() { # what, lines
	local line
	while IFS= read -r line; do
		if [ -n "$line" ]; then left+=("$1: $line"); fi
	done <<<"$2"
}
# ours prints those lines of stdin that have one of the words in them.
ours() { grep -F -f <(printf '%s\n' "$@") || true; }

found process "$(supervisors)"
for d in "${!cells[@]}"; do
	r=${cells[$d]}
	found process "$(for p in /proc/[0-9]*; do
		exe=$(readlink "$p/exe" 2>/dev/null) || continue
		case $exe in "$d"/* | "$r"/*) echo "${p#/proc/} $exe" ;; esac
	done)"
	found mount "$(awk '{print $5}' /proc/self/mountinfo | grep -E "^($d|$r)(/|\$)" || true)"
	if [ -r "$d/cell.json" ]; then
		mapfile -t ranges < <(grep -oE '[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/[0-9]+' "$d/cell.json" | sort -u)
		# A route is ours if it begins as one of the ranges does (10.244.).
		mapfile -t heads < <(printf '%s\n' "${ranges[@]}" | sed -nE 's#^([0-9]+\.[0-9]+\.)0\.0/16$#\1#p')
		if [ ${#heads[@]} -gt 0 ]; then found route "$(ip -4 route show table all | ours "${heads[@]}")"; fi
	fi
done
# With no cell left in this network namespace, nothing may bear the name.
if [ -z "$(supervisors)" ]; then
	found namespace "$(ls /run/netns 2>/dev/null | grep -E '^cairn' || true)"
	found link "$(ip -o link show | grep -oE '^[0-9]+: cairn[^:@]*' || true)"
	if command -v nft >/dev/null; then found "nft table" "$(nft list tables | grep -E ' cairn' || true)"; fi
	for d in "${!cells[@]}"; do
		c=$(sed -nE 's/.*"name": *"([^"]+)".*/\1/p' "$d/cell.json" 2>/dev/null | head -n 1)
		if [ -n "$c" ]; then found cgroup "$(find /sys/fs/cgroup -maxdepth 4 -type d -path "*/cairn/$c" 2>/dev/null)"; fi
	done
	if [ -r "$before" ]; then
		found sysctl "$({ diff <(sort "$before") <(settings | sort) || true; } | sed -n 's/^> //p' |
			while read -r key value; do
				if grep -qF "$key " "$before"; then echo "$key is now $value, was $(sed -n "s#^$key ##p" "$before")"; fi
			done)"
		rm -f "$before"
	fi
fi
if [ ${#left[@]} -gt 0 ]; then
	printf '    left: %s\n' "${left[@]}" >&2
	fail "something is left of the cells" "$_hint"
fi
note "no process, mount, namespace, link, route, nft table, cgroup or changed sysctl is left"
for d in "${!cells[@]}" /var/lib/cairn /var/lib/cairn-kafka; do
	if [ -d "$d" ]; then note "kept: $d ($(du -sh "$d" | cut -f1)); the next run goes on from it"; fi
done | sort -u
finished "Nothing runs any more"
