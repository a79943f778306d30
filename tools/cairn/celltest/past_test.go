package celltest

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePastIsReadAndTold(t *testing.T) {
	c := New(t)
	c.Up()
	c.Must("create", "configmap", "settings", "--from-literal=colour=red")
	then := c.status().Server.Folded
	c.Must("patch", "configmap", "settings", "-p", `{"data":{"colour":"blue"}}`)
	c.Must("delete", "configmap", "settings")
	at := "--at=" + itoa(int(then))
	r := c.Kubectl(at, "get", "configmap", "settings", "-o", "jsonpath={.data.colour}")
	if r.Code != 0 || r.Out != "red" || !strings.Contains(r.Err, "as of record "+itoa(int(then))) {
		t.Errorf("as of %d: exit %d %q\n%s", then, r.Code, r.Out, r.Err)
	}
	if r := c.Kubectl("get", "configmap", "settings"); r.Code == 0 {
		t.Error("it is still there now")
	}
	if r := c.Kubectl(at, "delete", "configmap", "settings"); r.Code == 0 {
		t.Errorf("the past was written to: %s%s", r.Out, r.Err)
	}
	if r := c.Kubectl("--at=1d", "get", "pods"); r.Code != 2 || !strings.Contains(r.Err, "before") {
		t.Errorf("before the first record: exit %d %s", r.Code, r.Err)
	}
	story := c.why("cm/settings", "alice from 127.0.0.1 created config map settings", "it is gone since record")
	if strings.Index(story, "created") > strings.Index(story, "deleted") {
		t.Errorf("told out of order:\n%s", story)
	}
	// A stale update is refused, recorded or told of, and explained.
	c.Must("create", "configmap", "twice", "--from-literal=a=1")
	stale := c.Must("get", "configmap", "twice", "-o", "json")
	c.Must("patch", "configmap", "twice", "-p", `{"data":{"a":"2"}}`)
	if r := c.OnWith(strings.Replace(stale, `"a": "1"`, `"a": "3"`, 1), c.bin, "kubectl", "replace", "-f", "-"); r.Code == 0 || !strings.Contains(r.Err, "Conflict") && !strings.Contains(r.Err, "modified") {
		t.Errorf("a stale update: exit %d %s%s", r.Code, r.Out, r.Err)
	}
	c.why("cm/twice", "refused")
	if r := c.Cairn("events", "--type", "object.deleted", "cm/settings"); r.Code != 0 || !strings.Contains(r.Out, "deleted config map settings") {
		t.Errorf("events: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	c.replayMatches()
}

func TestASecretsValueIsNowhereOnDisk(t *testing.T) {
	c := New(t)
	c.Up()
	const value = "correct-horse-battery-staple"
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	manifest := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"password":"` + encoded + `"}}`
	c.Apply(manifest)
	if r := c.OnWith(strings.Replace(manifest, `"s"`, `"s2"`, 1), c.bin, "kubectl", "apply", "--server-side", "-f", "-"); r.Code != 0 {
		t.Fatalf("server-side apply: %s%s", r.Out, r.Err)
	}
	c.Must("create", "secret", "generic", "s3", "--from-literal=x=y")
	c.Must("patch", "secret", "s3", "-p", `{"stringData":{"password":"`+value+`"}}`)
	for _, name := range []string{"s", "s2", "s3"} {
		if got := c.Must("get", "secret", name, "-o", "jsonpath={.data.password}"); got != encoded {
			t.Fatalf("%s: %q", name, got)
		}
	}
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 0 { // flushes the view
		t.Fatalf("down: %s%s", r.Out, r.Err)
	}
	files := 0
	filepath.WalkDir(c.data(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		files++
		for _, word := range []string{value, encoded} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s holds the secret's value as %q", path, word)
			}
		}
		return nil
	})
	if files < 10 {
		t.Errorf("only %d files were looked into", files)
	}
}
