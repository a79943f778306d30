package images

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Normalise writes a reference out in full, as docker does: redis:7 becomes
// docker.io/library/redis:7, and no tag becomes latest.
func Normalise(ref string) (string, error) {
	r, err := name.ParseReference(strings.TrimSpace(ref))
	if err != nil {
		return "", fmt.Errorf("image reference %q is not valid (want [HOST/]NAME[:TAG|@DIGEST]): %w", ref, err)
	}
	n := r.Name()
	if rest, ok := strings.CutPrefix(n, name.DefaultRegistry+"/"); ok {
		n = "docker.io/" + rest
	}
	return n, nil
}

// PullPolicy says when to ask the registry.
type PullPolicy string

// The policies of core/v1.
const (
	PullAlways       PullPolicy = "Always"
	PullIfNotPresent PullPolicy = "IfNotPresent"
	PullNever        PullPolicy = "Never"
)

// DefaultPolicy is what Kubernetes assumes for a reference without policy:
// Always for the tag latest, else IfNotPresent.
func DefaultPolicy(ref string) PullPolicy {
	if n, err := Normalise(ref); err == nil && strings.HasSuffix(n, ":latest") {
		return PullAlways
	}
	return PullIfNotPresent
}
