# steps.sh - sourced by the scripts of this folder: steps that say their name,
# their seconds and what comes next, and failures that end with one line on
# what to do.
#
#   plan "one" "two"      names the steps to come, in order
#   step                  begins the next one (and ends the one before)
#   note TEXT             says something within a step
#   hint TEXT             what to do if something fails from here on
#   fail TEXT REMEDY      ends the script, and says the remedy
#   finished TEXT         ends the last step

set -euo pipefail
umask 022
# A root shell got by plain su has no sbin on its PATH.
export PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin

_plan=()
_at=0
_begun=
_all=$EPOCHREALTIME
_hint="see the lines above"

# seconds since $1, as 1.2
_since() {
	local now=$EPOCHREALTIME us
	us=$((${now/./} - ${1/./}))
	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

plan() { _plan=("$@"); }

_end() {
	if [ -n "$_begun" ]; then
		printf '    done in %s s\n' "$(_since "$_begun")"
		_begun=
	fi
}

step() {
	_end
	local next=${_plan[$((_at + 1))]:-nothing, this is the last step}
	printf '==> [%d/%d] %s  (next: %s)\n' $((_at + 1)) ${#_plan[@]} "${_plan[$_at]}" "$next"
	_at=$((_at + 1))
	_begun=$EPOCHREALTIME
}

note() { printf '    %s\n' "$*"; }

hint() { _hint=$1; }

finished() {
	_end
	printf '%s (%s s in all)\n' "$1" "$(_since "$_all")"
}

fail() {
	trap - ERR
	printf '\nFAILED: %s\nwhat to do: %s\n' "$1" "$2" >&2
	exit 1
}

# A command that fails unforeseen still ends with what to do.
trap 'fail "${BASH_COMMAND%%$'"'\n'"'*}" "$_hint"' ERR
set -E
