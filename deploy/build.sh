#!/usr/bin/env bash
# build.sh shims|cairn - what the Makefile's build rules do, with the seconds
# they took. make decides whether anything is to be built.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/steps.sh

# stamps prints the linker flags that tell the binary who it is. Nothing in
# them depends on when or where it is built, so that the same commit makes the
# same bytes.
stamps() {
	local kube=v1.37.1 commit version=unknown date=1970-01-01T00:00:00Z p
	if commit=$(git rev-parse HEAD 2>/dev/null); then
		version=$(git describe --tags --always --dirty)
		date=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)
	else
		commit=unknown
	fi
	printf '%s' "-s -w -X main.version=$version"
	for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		printf ' -X %s' "$p.gitVersion=$kube+cairn" "$p.gitMajor=1" "$p.gitMinor=37" \
			"$p.gitCommit=$commit" "$p.gitTreeState=clean" "$p.buildDate=$date"
	done
}

case ${1:-} in
shims)
	plan "build the shim and the pause program"
	hint "read the compiler's lines above; see that Go is the one that go.mod names: go version"
	step
	nodes/shim/build.sh
	finished "built nodes/shim/bin"
	;;
cairn)
	plan "build bin/cairn (the first time this compiles Kubernetes' registries: 5 to 10 minutes on 2 cores)"
	hint "read the compiler's lines above; if modules are missing, see that this machine reaches a Go module proxy: go env GOPROXY"
	step
	mkdir -p bin
	# By way of another name: cells that run keep the file they started from.
	CGO_ENABLED=0 go build -trimpath -ldflags "$(stamps)" -o bin/.cairn.new ./tools/cairn
	mv bin/.cairn.new bin/cairn
	ln -sf cairn bin/kubectl
	finished "built bin/cairn"
	;;
*) fail "build.sh knows no ${1:-nothing}" "say: build.sh shims or build.sh cairn" ;;
esac
