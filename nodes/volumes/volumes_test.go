package volumes

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/nodes/guardtest"
)

func TestMain(m *testing.M) { os.Exit(guardtest.Main(m)) }

func dirs(t *testing.T) Dirs {
	t.Helper()
	d := Dirs{Disk: filepath.Join(t.TempDir(), "disk"), Memory: filepath.Join(t.TempDir(), "mem")}
	t.Cleanup(func() {
		if err := Teardown(d); err != nil {
			t.Error(err)
		}
	})
	return d
}

func source(vs ...corev1.Volume) Source {
	return Source{
		Pod:        &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}, Spec: corev1.PodSpec{Volumes: vs}},
		ConfigMaps: map[string]*corev1.ConfigMap{"cfg": {Data: map[string]string{"a": "1", "b": "2"}}},
		Secrets:    map[string]*corev1.Secret{"pw": {Data: map[string][]byte{"password": []byte("hunter2")}}},
		Token:      "token-text", CA: "ca-text",
	}
}

func volume(name string, s corev1.VolumeSource) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: s}
}

func configMap(name string, items ...corev1.KeyToPath) corev1.VolumeSource {
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Items: items}}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestConfigMapsChangeAllAtOnce(t *testing.T) {
	d, src := dirs(t), source(volume("v", configMap("cfg")))
	p, err := Setup(d, src)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, p["v"], "a") != "1" || read(t, p["v"], "b") != "2" {
		t.Error("files differ from the config map")
	}
	before, _ := os.Readlink(filepath.Join(p["v"], "..data"))
	if _, err := Setup(d, src); err != nil {
		t.Fatal(err)
	}
	if same, _ := os.Readlink(filepath.Join(p["v"], "..data")); same != before {
		t.Error("an unchanged volume was written again")
	}
	src.ConfigMaps["cfg"].Data = map[string]string{"a": "one", "c": "3"}
	if _, err := Setup(d, src); err != nil {
		t.Fatal(err)
	}
	if read(t, p["v"], "a") != "one" || read(t, p["v"], "c") != "3" {
		t.Error("files were not updated")
	}
	if _, err := os.Lstat(filepath.Join(p["v"], "b")); !os.IsNotExist(err) {
		t.Error("the dropped key is still there")
	}
}

func TestItemsModesAndProjections(t *testing.T) {
	m := int32(0o400)
	src := source(
		volume("items", configMap("cfg", corev1.KeyToPath{Key: "a", Path: "deep/er/a.txt", Mode: &m})),
		volume("token", corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}}}}},
		}}}))
	p, err := Setup(dirs(t), src)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(filepath.Join(p["items"], "deep/er/a.txt"))
	if err != nil || fi.Mode().Perm() != 0o400 {
		t.Errorf("deep/er/a.txt: %v, %v", fi, err)
	}
	if read(t, p["token"], "token") != "token-text" || read(t, p["token"], "ca.crt") != "ca-text" || read(t, p["token"], "namespace") != "shop" {
		t.Error("the service account's files differ")
	}
}

func TestWhatIsMissingIsNamedUnlessOptional(t *testing.T) {
	yes := true
	opt := configMap("none")
	opt.ConfigMap.Optional = &yes
	if _, err := Setup(dirs(t), source(volume("v", opt))); err != nil {
		t.Error(err)
	}
	for want, v := range map[string]corev1.VolumeSource{
		`configmap "none" not found`:   configMap("none"),
		`has no key "zz"`:              configMap("cfg", corev1.KeyToPath{Key: "zz", Path: "zz"}),
		"leads out of the volume":      configMap("cfg", corev1.KeyToPath{Key: "a", Path: "../a"}),
		"persistentVolumeClaim is not": {PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "x"}},
		`secret "none" not found`:      {Secret: &corev1.SecretVolumeSource{SecretName: "none"}},
	} {
		if _, err := Setup(dirs(t), source(volume("v", v))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
}

func TestSecretsAreInMemoryOnly(t *testing.T) {
	d := dirs(t)
	p, err := Setup(d, source(volume("s", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "pw"}}),
		volume("e", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})))
	if err != nil {
		t.Fatal(err)
	}
	if read(t, p["s"], "password") != "hunter2" || !strings.HasPrefix(p["s"], d.Memory) {
		t.Errorf("secret lies in %s", p["s"])
	}
	_ = filepath.WalkDir(d.Disk, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.Contains(read(t, path), "hunter2") {
			t.Errorf("%s holds the secret", path)
		}
		return nil
	})
}

func TestEmptyDirInMemoryIsATmpfsOfItsSize(t *testing.T) {
	size := resource.MustParse("1Mi")
	v := volume("m", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &size}})
	d := dirs(t)
	for range 2 { // the second Setup must not mount again
		p, err := Setup(d, source(v))
		if err != nil {
			t.Fatal(err)
		}
		var st unix.Statfs_t
		if err := unix.Statfs(p["m"], &st); err != nil || st.Type != unix.TMPFS_MAGIC || int64(st.Blocks)*st.Bsize != 1<<20 {
			t.Errorf("%+v, %v", st, err)
		}
	}
	if ms, err := mountsBelow(d.Memory); err != nil || len(ms) != 1 {
		t.Errorf("%d mounts, %v; want 1", len(ms), err)
	}
}

func TestASubPathCannotLeaveItsVolume(t *testing.T) {
	d, outside := dirs(t), t.TempDir()
	src := source(volume("e", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}), volume("c", configMap("cfg")))
	p, err := Setup(d, src)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(p["e"], "planted")); err != nil {
		t.Fatal(err)
	}
	mount := func(vol, sub string) (string, error) {
		c := &corev1.Container{Name: "c", VolumeMounts: []corev1.VolumeMount{{Name: vol, MountPath: "/m", SubPath: sub}}}
		ms, err := Mounts(d, p, c, nil)
		if err != nil {
			return "", err
		}
		return ms[0].Source, nil
	}
	for _, sub := range []string{"planted", "planted/x", "../x", "a/../../x", "/etc"} {
		if _, err := mount("e", sub); err == nil {
			t.Errorf("subPath %q was accepted", sub)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("something was made outside: %v", left)
	}
	at, err := mount("e", "new/dir")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if read(t, p["e"], "new/dir/f") != "x" {
		t.Error("the subPath is not the volume's directory")
	}
	if at, err = mount("c", "a"); err != nil || read(t, at) != "1" {
		t.Errorf("one key as a file: %v", err)
	}
}

func TestHostPathChecksItsType(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	try := func(path string, ty corev1.HostPathType) error {
		_, err := Setup(dirs(t), source(volume("h", corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &ty}})))
		return err
	}
	for _, c := range []struct {
		path string
		ty   corev1.HostPathType
		ok   bool
	}{
		{dir, corev1.HostPathDirectory, true}, {file, corev1.HostPathDirectory, false}, {file, corev1.HostPathFile, true},
		{dir + "/none", corev1.HostPathFile, false}, {dir + "/new", corev1.HostPathDirectoryOrCreate, true},
		{dir + "/newfile", corev1.HostPathFileOrCreate, true}, {"/dev/null", corev1.HostPathCharDev, true}, {file, corev1.HostPathSocket, false},
	} {
		if err := try(c.path, c.ty); (err == nil) != c.ok {
			t.Errorf("%s as %q: %v", c.path, c.ty, err)
		}
	}
}
