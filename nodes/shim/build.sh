#!/bin/sh
# Builds the two binaries that cairn carries inside itself. Run it before cairn
# is built: `make build` does, and so does `go generate ./nodes/shim`.
set -eu
cd "$(dirname "$0")"
for name in cairn-shim cairn-pause; do
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "bin/.$name.$$" "./cmd/$name"
	mv "bin/.$name.$$" "bin/$name"
done
