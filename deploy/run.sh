#!/usr/bin/env bash
# run.sh - what `make run` does once everything is installed and built: starts
# a cell, deploys the guestbook, uses it through the service's address, and
# shows the story so far. The cell runs on. LEDGER=embedded (default) or kafka.
#
# Each step looks first at what is there already, so that running it again on a
# running cell takes a few seconds and changes nothing but one more entry in
# the guestbook.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/steps.sh
. deploy/cells.sh

ledger=${LEDGER:-embedded}
cell "$ledger"
images=${IMAGES:-.cache/images}
export KUBECONFIG=$kubeconfig
mine=(--data-dir "$data" --run-dir "$run")
kubectl() { "$bin" kubectl "$@"; }

[ -x "$bin" ] || fail "bin/cairn is not built" "run: make build"
[ "$(id -u)" = 0 ] || fail "not root" "run it again as root: sudo make run"

steps=("start the cell $cell" "load the images" "deploy the guestbook" "wait until it is ready"
	"use it through the service's address" "the story so far")
if [ "$ledger" = kafka ]; then steps=("start Apache Kafka" "${steps[@]}"); fi
plan "${steps[@]}"

url=embedded
if [ "$ledger" = kafka ]; then
	step
	hint "read $broker_data/kafka.log; if port $broker_port is taken, end what has it"
	deploy/kafka/kafka.sh start "$broker_data" "$broker_port" "$broker_controller_port"
	url=kafka://127.0.0.1:$broker_port
	note "the broker serves on 127.0.0.1:$broker_port; its data are in $broker_data"
fi

step
hint "read the lines above and the logs under $data and $run; to begin from a clean machine: make stop"
if kubectl get --raw /readyz >/dev/null 2>&1; then
	note "it runs already"
else
	if [ -z "$(supervisors)" ]; then settings >"$before"; fi
	fixed=() # what a cell of before there was a choice has otherwise
	if [ ! -e "$data/cell.json" ]; then fixed=(--node-ports "$nodeports"); fi
	"$bin" up --name "$cell" "${mine[@]}" --listen "$listen" --ledger "$url" \
		--pod-range "$pods" --service-range "$services" "${fixed[@]}" --detach
fi

step
hint "see that the node runs: bin/cairn status ${mine[*]}; make the images anew: rm -r $images && make images"
# An import is skipped when this very file was imported into this very cell's
# store before; the store itself would find out too, only slower.
stamp=$data/.imported
for tar in "$images"/{redis,web,busybox}.tar; do
	[ -s "$tar" ] || fail "$tar is missing" "run: make images"
	mark="$(stat -c '%n %Y %s' "$tar")"
	if ! grep -qxF "$mark" "$stamp" 2>/dev/null; then
		"$bin" image import "${mine[@]}" "$tar"
		echo "$mark" >>"$stamp"
	fi
done
note "$(ls "$images"/*.tar | wc -l) archives of $images are in the node's store"

step
hint "read kubectl's message above; bin/cairn kubectl get all says what is there"
kubectl apply -f deploy/examples/guestbook

step
hint "bin/cairn why deploy/frontend says what it waits for; so do: bin/cairn kubectl get pods -o wide, bin/cairn kubectl describe pods"
kubectl rollout status deployment/frontend --timeout=120s
kubectl wait --for=condition=Ready pod -l app=redis --timeout=60s >/dev/null
kubectl get pods -o wide

step
vip=$(kubectl get service frontend -o 'jsonpath={.spec.clusterIP}')
port=$(kubectl get service frontend -o 'jsonpath={.spec.ports[0].nodePort}')
page=http://$vip/
hint "see the endpoints: bin/cairn kubectl get endpoints frontend; the rules in words: bin/cairn dataplane show"
[ -n "$vip" ] || fail "the service frontend has no address" "see: bin/cairn why svc/frontend"
browse() { curl --silent --show-error --fail --max-time 10 --noproxy '*' "$@"; }
browse "$page" >/dev/null
note "GET  $page  answered"
words="Hello from make run at $(date -u +%FT%TZ)"
browse --output /dev/null --data-urlencode 'name=make run' --data-urlencode "message=$words" "$page"
note "POST $page  \"$words\""
case $(browse "$page") in
*"$words"*) note "GET  $page  shows it" ;;
*) fail "the entry that was posted is not on the page" "see the front end's log: bin/cairn kubectl logs deploy/frontend" ;;
esac
note "the same page on any address of this machine: http://localhost:$port/"

step
hint "see that the cell answers: bin/cairn status"
"$bin" why deploy/frontend
note ""
"$bin" events --since 1h | tail -n 12

finished "The guestbook runs at $page"
say="bin/cairn"
if [ "$ledger" = kafka ]; then say="KUBECONFIG=$kubeconfig bin/cairn"; fi
cat <<EOF

Try next:
  $say kubectl get all
  $say kubectl scale deploy/frontend --replicas=5
  $say why deploy/frontend
  $say kubectl delete pod -l app=frontend --wait=false
  $say kubectl --at 1m get pods          # the pods as they were a minute ago
  $say events -f
  $say replay                            # fold the whole ledger again and compare
  make stop                                   # ends it all; the ledger is kept
EOF
