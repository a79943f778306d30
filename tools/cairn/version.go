package main

import (
	"fmt"
	"io"
	"runtime"

	kubernetes "k8s.io/component-base/version"

	"cairn/tools/cairn/cell"
)

// version is stamped at build time: -X main.version=...
var version = "devel"

type versionCommand struct{}

func (versionCommand) Run(out io.Writer) error {
	k := kubernetes.Get()
	_, err := fmt.Fprintf(out, "cairn       %s\nkubernetes  %s\ngo          %s %s/%s\ndata format %d\n",
		version, k.GitVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH, cell.Format)
	return err
}
