package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"cairn/nodes/guardtest"
)

func TestMain(m *testing.M) { os.Exit(guardtest.Main(m)) }

type entry struct {
	name, body, link string
	kind             byte
}

func image(t *testing.T, layers ...[]entry) v1.Image {
	t.Helper()
	img := v1.Image(empty.Image)
	for _, l := range layers {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range l {
			if e.kind == 0 {
				e.kind = tar.TypeReg
			}
			if err := w.WriteHeader(&tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: 0o755, Size: int64(len(e.body))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(e.body)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	img, err := mutate.Config(img, v1.Config{Cmd: []string{"/hello"}, Env: []string{"A=b"}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func saved(t *testing.T, ref string, img v1.Image) string {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		t.Fatal(err)
	}
	return file
}

func store(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReferences(t *testing.T) {
	datadriven.RunTest(t, "testdata/references-and-their-pull-policy", func(t *testing.T, d *datadriven.TestData) string {
		var out strings.Builder
		for _, ref := range strings.Split(d.Input, "\n") {
			got, err := Normalise(ref)
			if d.Cmd == "policy" {
				got = string(DefaultPolicy(ref))
			} else if err != nil {
				got = "refused"
			}
			out.WriteString(ref + " -> " + got + "\n")
		}
		return out.String()
	})
}

func TestADockerArchiveIsImportedAndMountedWithItsWhiteouts(t *testing.T) {
	s := store(t)
	img := image(t,
		[]entry{{name: "gone", body: "x"}, {name: "hello", body: "one"}, {name: "d/", kind: tar.TypeDir}, {name: "d/old", body: "x"}},
		[]entry{{name: ".wh.gone"}, {name: "hello", body: "two"}, {name: "d/", kind: tar.TypeDir}, {name: "d/.wh..wh..opq"}, {name: "d/new", body: "n"}})
	if _, err := s.Import(context.Background(), saved(t, "demo:1", img)); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Get("docker.io/library/demo:1")
	if err != nil || !ok {
		t.Fatalf("imported image is not found: %v", err)
	}
	if got.Config.Cmd[0] != "/hello" || got.Refs[0] != "docker.io/library/demo:1" {
		t.Errorf("image %+v", got)
	}
	dir := filepath.Join(t.TempDir(), "c1")
	root, err := s.Mount(got, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = Unmount(dir) })
	if b, err := os.ReadFile(filepath.Join(root, "hello")); err != nil || string(b) != "two" {
		t.Errorf("hello = %q, %v: want the upper layer's", b, err)
	}
	for _, p := range []string{"gone", "d/old"} {
		if _, err := os.Stat(filepath.Join(root, p)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", p, err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "written"), nil, 0o644); err != nil {
		t.Error(err)
	}
	if err := Unmount(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("Unmount left %s", dir)
	}
}

func TestAnOCIArchiveIsImportedByItsAnnotation(t *testing.T) {
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	img := image(t, []entry{{name: "f", body: "x"}})
	if err := p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "oci-demo:2"})); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "oci.tar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	s := store(t)
	got, err := s.Import(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got[0].Refs) != 1 || got[0].Refs[0] != "docker.io/library/oci-demo:2" {
		t.Errorf("imported %+v", got)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 {
		t.Errorf("list has %d images, %v", len(list), err)
	}
}

func TestAnImageWhosePathsEscapeIsRefused(t *testing.T) {
	for _, e := range []entry{
		{name: "../../escaped", body: "x"},
		{name: "a/../../escaped", body: "x"},
		{name: "link", link: "../../etc/passwd", kind: tar.TypeLink},
	} {
		s := store(t)
		_, err := s.Import(context.Background(), saved(t, "evil:1", image(t, []entry{{name: "ok", body: "x"}, e})))
		if err == nil || !strings.Contains(err.Error(), "leads out of the image: refused") {
			t.Errorf("%q: err = %v", e.name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(s.dir, "*", "*")); len(left) != 0 {
			t.Errorf("%q left %v", e.name, left)
		}
	}
}

func TestALinkPlantedByALowerEntryDoesNotLetALaterOneOut(t *testing.T) {
	s := store(t)
	outside := t.TempDir()
	img := image(t, []entry{{name: "out", link: outside, kind: tar.TypeSymlink}, {name: "out/planted", body: "x"}})
	_, _ = s.Import(context.Background(), saved(t, "evil:2", img))
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("the image wrote %v outside of itself", left)
	}
}

func TestOtherFilesAreRefusedWithAReason(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(file, []byte("this is no archive at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store(t).Import(context.Background(), file); err == nil || !strings.Contains(err.Error(), "not a tar archive") {
		t.Errorf("err = %v", err)
	}
}

func TestACrashLeavesNothingThatIsTakenForAnImage(t *testing.T) {
	s := store(t)
	got, err := s.Import(context.Background(), saved(t, "demo:1", image(t, []entry{{name: "f", body: "x"}})))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "tmp", "layer-half"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "layers", got[0].Layers[0])); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(s.dir); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Get("demo:1"); ok || err != nil {
		t.Errorf("an image without its layer is still there (%v)", err)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, "tmp")); len(left) != 0 {
		t.Errorf("tmp holds %v", left)
	}
}

func TestPullFollowsItsPolicy(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	ref := strings.TrimPrefix(srv.URL, "http://") + "/team/app:1"
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	push := func(body string) {
		t.Helper()
		if err := remote.Write(r, image(t, []entry{{name: "f", body: body}})); err != nil {
			t.Fatal(err)
		}
	}
	s, ctx := store(t), context.Background()
	reason := func(err error) string {
		var pe *PullError
		if errors.As(err, &pe) {
			return pe.Reason
		}
		return ""
	}
	if _, _, err := s.Ensure(ctx, ref, PullNever); reason(err) != ReasonErrImageNeverPull {
		t.Errorf("Never: %v", err)
	}
	if _, _, err := s.Ensure(ctx, ref, ""); reason(err) != ReasonErrImagePull {
		t.Errorf("absent: %v", err)
	}
	if _, _, err := s.Ensure(ctx, "Not An Image", ""); reason(err) != ReasonInvalidImageName {
		t.Errorf("bad name: %v", err)
	}
	push("one")
	one, pulled, err := s.Ensure(ctx, ref, PullIfNotPresent)
	if err != nil || !pulled {
		t.Fatalf("pulled %v, %v", pulled, err)
	}
	push("two")
	if same, pulled, err := s.Ensure(ctx, ref, PullIfNotPresent); err != nil || pulled || same.ID != one.ID {
		t.Errorf("IfNotPresent: %v %v", pulled, err)
	}
	if two, _, err := s.Ensure(ctx, ref, PullAlways); err != nil || two.ID == one.ID {
		t.Errorf("Always gave the old image: %v", err)
	}
}
