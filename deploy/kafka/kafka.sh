#!/bin/sh
# One Apache Kafka broker (KRaft, no ZooKeeper) on loopback, from Maven's jars.
#
#   kafka.sh fetch                 get the jars into .cache/kafka (does nothing when they are there)
#   kafka.sh start DIR PORT CPORT  format DIR once, start a broker in the background, wait until it serves
#   kafka.sh stop DIR              end that broker in good order; the data stays
#   kafka.sh run DIR PORT CPORT    the same in the foreground, for systemd or a terminal
#   kafka.sh ephemeral PORT CPORT  a broker in a folder of its own that lives until stdin ends; prints "ready HOST:PORT"
#   kafka.sh tool CLASS ARGS...    a tool of Kafka's own, for example:
#       kafka.sh tool org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:9092 --list
#       kafka.sh tool kafka.admin.ConfigCommand --bootstrap-server 127.0.0.1:9092 --entity-type topics --describe
#
# DIR keeps data/, server.properties, kafka.log and kafka.pid. PORT serves
# clients, CPORT the broker's own controller; both listen on 127.0.0.1 only.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${CAIRN_KAFKA_CACHE:-$here/../../.cache/kafka}
heap=${CAIRN_KAFKA_HEAP:-512m}
wait_seconds=${CAIRN_KAFKA_WAIT:-60}

die() { echo "kafka.sh: $*" >&2; exit 1; }
usage() { sed -n '4,9s/^#   //p' "$0" >&2; exit 2; }
need() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing: run \`make setup-kafka\` (Debian: apt-get install $2)"; }
sum() { cksum <"$here/pom.xml" | tr ' ' -; }

# The folder's name holds the pom's checksum, and it gets that name only when
# complete: an interrupted fetch, or two at once, leave no half a set.
libs() { echo "$cache/libs-$(sum)"; }

fetch() {
	[ -d "$(libs)" ] && return 0
	need java default-jre-headless
	need mvn maven
	mkdir -p "$cache"
	part=$(mktemp -d "$cache/part.XXXXXX")
	if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$part/libs" >"$part/mvn.log" 2>&1; then
		grep -m 3 ERROR "$part/mvn.log" >&2 || tail -n 3 "$part/mvn.log" >&2
		rm -rf "$part"
		die "Maven could not fetch the jars: see the lines above, check the network or ~/.m2/settings.xml, and run it again"
	fi
	mv -T "$part/libs" "$(libs)" 2>/dev/null || [ -d "$(libs)" ] || die "cannot write $(libs): make $cache writable"
	rm -rf "$part"
}

# settings DIR PORT CPORT writes the broker's configuration and formats its
# data folder the first time. After a kill -9 the controller lets the broker
# back in only when its old session has run out: 9 s by Kafka's default, 3 here.
settings() {
	mkdir -p "$1"
	cat >"$1/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$3
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:$2
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$1/data
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
EOF
	[ -f "$1/data/meta.properties" ] && return 0
	id=$(tool kafka.tools.StorageTool random-uuid)
	tool kafka.tools.StorageTool format -t "$id" -c "$1/server.properties" >"$1/format.log" 2>&1 ||
		{ cat "$1/format.log" >&2; die "Kafka could not format $1/data: see above"; }
	# Kafka's tool does not: after a loss of power the broker would not start.
	find "$1" -depth -exec sync {} +
}

tool() { java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$here/log4j2-quiet.xml" -cp "$(libs)/*" "$@"; }

# broker DIR replaces this shell by the broker.
broker() {
	exec java "-Xmx$heap" -XX:+UseSerialGC -Djava.awt.headless=true \
		-Dlog4j2.configurationFile="$here/log4j2.xml" -cp "$(libs)/*" kafka.Kafka "$1/server.properties"
}

# ours PID DIR reports whether PID is still the broker of DIR and not another
# process that got its number.
ours() { [ -r "/proc/$1/cmdline" ] && tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF "kafka.Kafka $2/server.properties"; }

# ready PID DIR waits until the broker says that it serves.
ready() {
	left=$((wait_seconds * 10))
	until grep -q 'Kafka Server started' "$2/kafka.log" 2>/dev/null; do
		if ! kill -0 "$1" 2>/dev/null; then
			grep -m 5 -E 'ERROR|FATAL|Exception|in use' "$2/kafka.log" >&2 || true
			die "the broker ended while starting: see $2/kafka.log (a port in use? choose others)"
		fi
		left=$((left - 1))
		[ $left -gt 0 ] || die "the broker did not serve within $wait_seconds s: see $2/kafka.log"
		sleep 0.1
	done
}

start() {
	mkdir -p "$1"
	dir=$(cd "$1" && pwd)
	if [ -f "$dir/kafka.pid" ] && ours "$(cat "$dir/kafka.pid")" "$dir"; then
		grep -q "^advertised.listeners=PLAINTEXT://127.0.0.1:$2\$" "$dir/server.properties" ||
			die "a broker of $dir runs already on another port: run \`$0 stop $dir\` first"
		ready "$(cat "$dir/kafka.pid")" "$dir"
		return 0
	fi
	settings "$dir" "$2" "$3"
	[ -f "$dir/kafka.log" ] && mv "$dir/kafka.log" "$dir/kafka.log.1"
	: >"$dir/kafka.log"
	(trap '' HUP INT; broker "$dir") >"$dir/kafka.log" 2>&1 </dev/null &
	echo $! >"$dir/kafka.pid"
	ready "$(cat "$dir/kafka.pid")" "$dir"
	echo "Kafka serves on 127.0.0.1:$2 (process $(cat "$dir/kafka.pid"), log $dir/kafka.log)"
}

stop() {
	[ -f "$1/kafka.pid" ] || return 0
	dir=$(cd "$1" && pwd)
	pid=$(cat "$dir/kafka.pid")
	left=300
	while ours "$pid" "$dir"; do
		case $left in
		300) kill "$pid" ;;
		0) kill -9 "$pid" ;;
		-50) die "process $pid does not end" ;;
		esac
		left=$((left - 1))
		sleep 0.1
	done
	rm -f "$dir/kafka.pid"
}

# ephemeral keeps a broker for a test. Whoever holds the other end of stdin
# may die in any way: the broker and its folder go with it.
ephemeral() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/cairn-kafka.XXXXXX")
	pid=
	trap 'if [ -n "$pid" ]; then kill -9 "$pid" 2>/dev/null; wait "$pid" 2>/dev/null || true; fi; rm -rf "$dir"' EXIT
	trap 'exit 1' TERM INT HUP
	settings "$dir" "$1" "$2"
	broker "$dir" >"$dir/kafka.log" 2>&1 </dev/null &
	pid=$!
	ready "$pid" "$dir"
	echo "ready 127.0.0.1:$1"
	cat >/dev/null
}

[ $# -gt 0 ] || usage
verb=$1
shift
case $verb in
fetch) [ $# -eq 0 ] || usage; fetch ;;
start) [ $# -eq 3 ] || usage; need java default-jre-headless; fetch; start "$@" ;;
stop) [ $# -eq 1 ] || usage; stop "$1" ;;
run)
	[ $# -eq 3 ] || usage
	need java default-jre-headless
	fetch
	mkdir -p "$1"
	dir=$(cd "$1" && pwd)
	settings "$dir" "$2" "$3"
	broker "$dir"
	;;
ephemeral) [ $# -eq 2 ] || usage; need java default-jre-headless; fetch; ephemeral "$@" ;;
tool) [ $# -gt 0 ] || usage; need java default-jre-headless; fetch; tool "$@" ;;
*) usage ;;
esac
