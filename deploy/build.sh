#!/usr/bin/env bash
# build.sh shims|cairn - what the Makefile's build rules do, with the seconds
# they took. make decides whether anything is to be built.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/steps.sh

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
	go build -ldflags "${LDFLAGS:-}" -o bin/.cairn.new ./tools/cairn
	mv bin/.cairn.new bin/cairn
	ln -sf cairn bin/kubectl
	finished "built bin/cairn"
	;;
*) fail "build.sh knows no ${1:-nothing}" "say: build.sh shims or build.sh cairn" ;;
esac
