# cells.sh - sourced after steps.sh: the two cells that `make run` makes, so
# that run.sh and stop.sh agree about them.
#
#   cell embedded|kafka   sets cell, data, run, listen, pods, services, nodeports,
#                         kubeconfig
#
# Everything that two cells on one machine could fight over differs.

bin=$PWD/bin/cairn

cell() {
	case $1 in
	embedded)
		cell=cairn data=/var/lib/cairn run=/run/cairn listen=127.0.0.1:6443
		pods=10.244.0.0/16 services=10.96.0.0/16 nodeports=30000-32767
		;;
	kafka)
		cell=kafka data=/var/lib/cairn-kafka run=/run/cairn-kafka listen=127.0.0.1:6444
		pods=10.245.0.0/16 services=10.97.0.0/16 nodeports=29000-29999
		;;
	*) fail "LEDGER=$1 is not known" "say LEDGER=embedded or LEDGER=kafka" ;;
	esac
	kubeconfig=$data/kubeconfig
}

# The broker of the kafka cell: its data lies beside the cell's own, since it
# is that cell's ledger and must last as long.
broker_data=/var/lib/cairn-kafka/broker
broker_port=9092
broker_controller_port=9093

# before is where run.sh notes the machine's network settings, before the first
# cell starts, for stop.sh to compare with. /run is empty after a boot, and so
# are the settings new.
before=/run/cairn-before

# settings prints the network settings that a cell may change.
settings() {
	local f
	for f in /proc/sys/net/ipv4/{ip_forward,ip_nonlocal_bind} \
		/proc/sys/net/ipv4/conf/{all,default}/* \
		/proc/sys/net/bridge/* /proc/sys/net/netfilter/nf_conntrack_{max,buckets}; do
		if [ -r "$f" ]; then printf '%s %s\n' "$f" "$(tr '\n\t' '  ' <"$f")"; fi
	done 2>/dev/null
}

# supervisors prints the pid of each `cairn up` in this network namespace: a
# cell inside another one (a test's) is not ours to end.
supervisors() {
	local p here first words
	here=$(readlink /proc/self/ns/net)
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/net" 2>/dev/null)" = "$here" ] || continue
		words=()
		mapfile -d '' -t words 2>/dev/null <"$p/cmdline" || continue
		first=${words[0]:-}
		if [ "${first##*/}" = cairn ] && [ "${words[1]:-}" = up ]; then echo "${p#/proc/}"; fi
	done 2>/dev/null
}
