package main

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryStagingModuleGetsAVersion(t *testing.T) {
	text := "module k8s.io/kubernetes\n\nrequire (\n\tgithub.com/x/y v1.2.3\n\tk8s.io/api v0.0.0\n\tk8s.io/client-go v0.0.0\n\tk8s.io/klog/v2 v2.130.1\n" +
		"\tk8s.io/utils v0.0.0-20260319190234-28399d86e0b5\n)\n\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n)\n"
	got := staging(text)
	if want := []string{"k8s.io/api", "k8s.io/client-go"}; !slices.Equal(got, want) {
		t.Fatalf("staging modules %v, want %v", got, want)
	}
	mod := goMod("k8s.io/kubernetes", "v1.37.1", got)
	for _, line := range []string{"require k8s.io/kubernetes v1.37.1", "replace k8s.io/api => k8s.io/api v0.37.1", "replace k8s.io/client-go => k8s.io/client-go v0.37.1"} {
		if !strings.Contains(mod, "\n"+line+"\n") {
			t.Errorf("go.mod lacks %q:\n%s", line, mod)
		}
	}
}
