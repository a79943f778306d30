package serve

import (
	"runtime"
	"strings"

	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/util/compatibility"
	basecompatibility "k8s.io/component-base/compatibility"
)

// Version is what /version says; -ldflags -X may set it. Its numbers are those
// of the Kubernetes API served.
var Version = "v1.37.1+cairn"

// Commit is the commit built; set by -ldflags -X.
var Commit = "unknown"

// effective is upstream's effective version with our stamp on it.
type effective struct {
	basecompatibility.EffectiveVersion
}

func effectiveVersion() basecompatibility.EffectiveVersion {
	return effective{compatibility.DefaultBuildEffectiveVersion()}
}

func (effective) Info() *apiversion.Info {
	part := strings.SplitN(strings.TrimPrefix(Version, "v"), ".", 3)
	for len(part) < 2 {
		part = append(part, "0")
	}
	return &apiversion.Info{Major: part[0], Minor: part[1], GitVersion: Version, GitCommit: Commit, GitTreeState: "clean",
		GoVersion: runtime.Version(), Compiler: runtime.Compiler, Platform: runtime.GOOS + "/" + runtime.GOARCH,
		EmulationMajor: part[0], EmulationMinor: part[1], MinCompatibilityMajor: part[0], MinCompatibilityMinor: part[1]}
}
