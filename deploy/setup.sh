#!/usr/bin/env bash
# setup.sh run|test|kafka - installs from Debian's packages what is missing and
# nothing else: a command that is there already, from wherever, is left as it
# is, and apt may not remove anything (--no-remove). It needs Go, git, make and
# apt. When nothing is missing it takes a few milliseconds.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/steps.sh

what=${1:-run}

there() { # COMMAND or /FILE
	case $1 in
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# command:package, or /file:package, for each purpose. (Go fetches modules over
# TLS, and a lean Debian has no certificates to trust.)
certs=/etc/ssl/certs/ca-certificates.crt:ca-certificates
case $what in
run) wants="runc:runc nft:nftables ip:iproute2 curl:curl $certs" ;;
test) wants="runc:runc nft:nftables ip:iproute2 curl:curl busybox:busybox-static unshare:util-linux mkfs.ext4:e2fsprogs $certs" ;;
kafka) wants="java:default-jre-headless mvn:maven" ;;
*) fail "setup.sh knows no $what" "say: setup.sh run, setup.sh test or setup.sh kafka" ;;
esac
plan "set-up for $what: look at what is there" "set-up for $what: install what is missing"

step
[ "$(id -u)" = 0 ] ||
	fail "not root: Cairn makes namespaces, mounts and routes" "run it again as root: sudo make ..."
[ "$(uname -s)" = Linux ] || fail "this is $(uname -s)" "run it on Debian 12 or newer"
[ -r /etc/debian_version ] && command -v apt-get >/dev/null ||
	fail "this is not Debian (no apt-get)" "install yourself what has these commands: $(sed 's/:[^ ]*//g' <<<"$wants"); then run it on Debian"
command -v go >/dev/null ||
	fail "no Go on the PATH" "install Go $(awk '$1=="go"{print $2}' go.mod) or newer from https://go.dev/dl and put its bin folder on root's PATH"
want=$(awk '$1=="go"{print $2}' go.mod)
# With GOTOOLCHAIN=auto an older Go fetches the one that go.mod names; go.mod
# read by a Go that may not do so is the error.
have=$(go env GOVERSION 2>/dev/null) || have="an older Go"
have=${have#go}
[ "$(printf '%s\n%s\n' "$want" "${have%% *}" | sort -V | head -n 1)" = "$want" ] ||
	fail "Go is ${have}, and go.mod wants $want" "install Go $want or newer from https://go.dev/dl"

missing=()
for w in $wants; do
	if ! there "${w%%:*}"; then missing+=("${w#*:}"); fi
done

if [ ${#missing[@]} = 0 ]; then
	note "all there: $(sed 's/:[^ ]*//g' <<<"$wants")"
	_plan=("${_plan[0]}")
	finished "set-up for $what: nothing to install"
	exit 0
fi
note "missing: ${missing[*]}"

step
export DEBIAN_FRONTEND=noninteractive
for p in "${missing[@]}"; do
	if ! apt-cache show "$p" >/dev/null 2>&1; then
		note "apt has no list of packages yet: apt-get update"
		hint "see that this machine reaches its Debian mirror (/etc/apt), then run it again"
		apt-get update -qq
		break
	fi
done
hint "read apt's lines above; install by hand: apt-get install ${missing[*]}"
if ! apt-get install -y -qq --no-remove --no-install-recommends "${missing[@]}" >/dev/null; then
	# Old lists name versions that the mirror no longer has.
	note "trying once more with fresh lists: apt-get update"
	apt-get update -qq
	apt-get install -y -qq --no-remove --no-install-recommends "${missing[@]}" >/dev/null
fi
for w in $wants; do
	there "${w%%:*}" || fail "${w%%:*} is still missing after installing ${w#*:}" "see that PATH has /usr/sbin and /sbin"
done
finished "set-up for $what: installed ${missing[*]}"
