package celltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const guestbook = "../../../deploy/examples/guestbook"

// guestbook deploys the example and waits until it works.
func (c *Cell) guestbook() (page string) {
	c.t.Helper()
	c.importImages("redis.tar", "web.tar", "busybox.tar")
	dir, err := filepath.Abs(guestbook)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Must("apply", "-f", filepath.Join(dir, "redis.yaml"), "-f", filepath.Join(dir, "frontend.yaml"))
	c.Must("rollout", "status", "deployment/frontend", "--timeout=110s")
	c.Must("wait", "--for=condition=Ready", "pod", "-l", "app=redis", "--timeout=110s")
	return "http://" + c.Must("get", "service", "frontend", "-o", "jsonpath={.spec.clusterIP}") + "/"
}

// browse fetches a page from the machine's own shell.
func (c *Cell) browse(args ...string) Result {
	return c.On(append([]string{"curl", "-sS", "--fail", "--max-time", "10", "--noproxy", "*"}, args...)...)
}

// shows waits until a page has words on it.
func (c *Cell) shows(page, words string) {
	c.t.Helper()
	c.Eventually(page+" shows "+words, func() (bool, string) {
		r := c.browse(page)
		return r.Code == 0 && strings.Contains(r.Out, words), r.Out + r.Err
	})
}

func TestTheGuestbookWorksAndItsStoryIsTold(t *testing.T) {
	c := New(t)
	c.Up()
	page := c.guestbook()
	if r := c.browse("-o", "/dev/null", "--data-urlencode", "name=alice", "--data-urlencode", "message=hello there", page); r.Code != 0 {
		t.Fatalf("post: %s", r.Err)
	}
	c.shows(page, "hello there")
	port := c.Must("get", "service", "frontend", "-o", "jsonpath={.spec.ports[0].nodePort}")
	c.shows("http://198.51.100.2:"+port+"/", "hello there")
	c.shows("http://127.0.0.1:"+port+"/", "hello there")

	// From a pod; from the pod behind the address itself, by its name.
	// (Debian's static busybox can't look names up: the C library it is made of
	// does not allow that. So the client is redis-cli.)
	c.Must("run", "client", "--image=guestbook/redis:1", "--image-pull-policy=Never", "--restart=Never", "--command", "--", "redis-cli", "-h", "redis", "-r", "1000", "-i", "1", "ping")
	c.Eventually("an answer by name, in another pod", func() (bool, string) {
		r := c.Kubectl("logs", "client")
		return strings.Contains(r.Out, "PONG"), r.Out + r.Err
	})
	if got := c.Must("exec", "rc/redis", "--", "redis-cli", "-h", "redis", "ping"); !strings.Contains(got, "PONG") {
		t.Errorf("a pod through its own service: %s", got)
	}
	if got := c.Must("logs", "deploy/frontend"); got == "" {
		t.Error("no logs of the front end")
	}

	// A pod reaches the API by the kubernetes service, and is somebody there.
	// (redis-cli speaks no HTTP, but it says whether somebody answered.)
	answer := c.Kubectl("exec", "rc/redis", "--", "redis-cli", "-h", "kubernetes", "-p", "443", "ping")
	if said := answer.Out + answer.Err; strings.Contains(said, "Could not connect") || !strings.Contains(said, "rotocol error") && !strings.Contains(said, "closed") {
		t.Errorf("the API from a pod: %s", said)
	}
	vip := c.Must("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")
	ca := filepath.Join(c.data(), "pki", "ca.crt")
	bearer := c.Must("create", "token", "default")
	if r := c.browse("--cacert", ca, "-H", "Authorization: Bearer "+strings.TrimSpace(bearer), "https://"+vip+"/version"); !strings.Contains(r.Out, "v1.37") {
		t.Errorf("the API by its service: %s%s", r.Out, r.Err)
	}

	pod := c.scaled()
	c.replaced(pod)
	c.undone(page)
	c.repaired(page)
	c.replayMatches()
}

// scaled makes the front end wider, and asks why; it returns one of its pods.
func (c *Cell) scaled() (pod string) {
	c.t.Helper()
	c.Must("scale", "deployment/frontend", "--replicas=5")
	c.Must("rollout", "status", "deployment/frontend", "--timeout=90s")
	c.why("deploy/frontend", "alice from 127.0.0.1 created deployment frontend", "replicas 3 -> 5", "it wants 5 pods, has 5")
	pod = c.Must("get", "pods", "-l", "app=frontend", "-o", "jsonpath={.items[0].metadata.name}")
	c.why("po/"+pod, "alice from 127.0.0.1", "deployment frontend", "replica set", "placed pod "+pod+" on n1", "Started")
	return pod
}

// replaced deletes a pod: another comes, and the past still shows the first.
func (c *Cell) replaced(pod string) {
	c.t.Helper()
	then := c.status().Server.Folded
	c.Must("delete", "pod", pod, "--wait=false")
	c.Eventually("its end", func() (bool, string) {
		r := c.Kubectl("get", "pod", pod)
		return r.Code != 0 && strings.Contains(r.Err, "NotFound"), r.Out + r.Err
	})
	if got := c.Must("--at", itoa(int(then)), "get", "pod", pod, "-o", "jsonpath={.status.phase}"); got != "Running" {
		c.t.Errorf("as of %d: %q", then, got)
	}
	c.why("po/"+pod, "alice from 127.0.0.1 asked for pod "+pod+" to be deleted", "it is gone since record")
	c.Must("rollout", "status", "deployment/frontend", "--timeout=90s")
}

// undone sets an image that does not exist: the old pods go on, and with the
// change undone all is well again.
func (c *Cell) undone(page string) {
	c.t.Helper()
	c.Must("set", "image", "deployment/frontend", "web=127.0.0.1:1/web:nope")
	c.Eventually("a pod without its image", func() (bool, string) {
		out := c.Must("get", "pods", "-l", "app=frontend")
		return strings.Contains(out, "ImagePull"), out
	})
	c.shows(page, "hello there")
	c.Must("rollout", "undo", "deployment/frontend")
	c.Must("rollout", "status", "deployment/frontend", "--timeout=90s")
	c.shows(page, "hello there")
}

// repaired shows the rules, flushes them as somebody careless would, and sees
// them back within seconds, on record.
func (c *Cell) repaired(page string) {
	c.t.Helper()
	rules := c.Cairn("dataplane", "show", "--data-dir", c.data(), "--run-dir", c.run())
	if rules.Code != 0 || !strings.Contains(rules.Out, "frontend") && !strings.Contains(rules.Out, strings.Trim(page, "htp:/")) {
		c.t.Errorf("dataplane show: exit %d\n%s%s", rules.Code, rules.Out, rules.Err)
	}
	c.On("nft", "flush", "ruleset")
	c.shows(page, "hello there")
	c.Eventually("the repair on record", func() (bool, string) {
		r := c.Cairn("events", "--type", "dataplane.rebuilt")
		return strings.Contains(r.Out, "put back"), r.Out + r.Err
	})
}

func TestASmallCellOnKafka(t *testing.T) {
	c := New(t)
	c.ledger = "kafka://" + c.kafka()
	c.Up()
	c.importImages("busybox.tar")
	c.Apply(sleeper("one"))
	c.Must("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
	c.Must("create", "configmap", "settings", "--from-literal=a=b")
	server := c.processes("server")[0]
	kill9(t, server)
	c.Eventually("a new server", func() (bool, string) {
		r := c.Kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.a}")
		return r.Out == "b", r.Out + r.Err
	})
	c.why("po/one", "alice from 127.0.0.1 created pod one", "placed pod one on n1")
	c.replayMatches()
	if r := c.Cairn("events", "--type", "pod.placed", "po/one"); !strings.Contains(r.Out, "pod one on n1") {
		t.Errorf("events: %s%s", r.Out, r.Err)
	}
	// Stopped and started again, it goes on from Kafka.
	before := c.Must("get", "configmap", "settings", "-o", "jsonpath={.metadata.uid}")
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 0 {
		t.Fatalf("down: %s%s", r.Out, r.Err)
	}
	c.replayMatches()
	// The same topic under another cell's data is refused, and the data are left.
	stranger := []string{"--data-dir", filepath.Join(c.dir, "stranger"), "--run-dir", filepath.Join(c.dir, "stranger-run")}
	r := c.Cairn(append([]string{"up", "--detach", "--name", "stranger", "--node-name", "n1", "--ledger", c.ledger + "/" + c.name}, stranger...)...)
	if r.Code != 3 || !strings.Contains(r.Err, "incarnation") {
		t.Errorf("another cell's ledger: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	c.Up()
	if after := c.Must("get", "configmap", "settings", "-o", "jsonpath={.metadata.uid}"); after != before {
		t.Errorf("uid %s, was %s", after, before)
	}
	c.brokerGone()
	// Of a purged cell Kafka keeps the topics: no other cell can go on with them.
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run(), "--purge="+c.name); r.Code != 0 || !strings.Contains(r.Out, "--delete --topic '"+c.name) {
		t.Errorf("purge: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := c.up(); r.Code != 3 || !strings.Contains(r.Err, "secrets") || !strings.Contains(r.Err, "--delete --topic '"+c.name) {
		t.Errorf("a cell on what a purged one left: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	c.wrongTopic()
	if _, err := os.Stat(c.data()); !os.IsNotExist(err) {
		t.Errorf("starts that were refused left %s", c.data())
	}
}

// brokerGone ends the broker under a cell that runs: the API says so, and goes
// on by itself when the broker is back.
func (c *Cell) brokerGone() {
	c.t.Helper()
	server := c.processes("server")[0]
	script, dir := c.broker()
	if r := c.On(script, "stop", dir); r.Code != 0 {
		c.t.Fatalf("stop Kafka: %s%s", r.Out, r.Err)
	}
	if r := c.Kubectl("create", "configmap", "meanwhile"); r.Code == 0 || !strings.Contains(r.Err, "Kafka") {
		c.t.Errorf("without a broker: exit %d %s%s", r.Code, r.Out, r.Err)
	}
	if r := c.On(script, "start", dir, "9092", "9093"); r.Code != 0 {
		c.t.Fatalf("start Kafka again: %s%s", r.Out, r.Err)
	}
	c.Eventually("a write", func() (bool, string) {
		r := c.Kubectl("create", "configmap", "after")
		return r.Code == 0, r.Out + r.Err
	})
	if r := c.Kubectl("get", "configmap", "meanwhile"); !strings.Contains(r.Err, "NotFound") {
		c.t.Errorf("what was refused is there: %s%s", r.Out, r.Err)
	}
	if now := c.processes("server"); len(now) != 1 || now[0] != server {
		c.t.Errorf("the server did not live through it: %v, was %d", now, server)
	}
	c.replayMatches()
}

// wrongTopic starts a cell on a topic that forgets.
func (c *Cell) wrongTopic() {
	c.t.Helper()
	script, _ := c.broker()
	r := c.On(script, "tool", "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", "127.0.0.1:9092", "--create", "--topic", "forgets.ledger", "--config", "retention.ms=3600000")
	if r.Code != 0 {
		c.t.Fatalf("create a topic: %s%s", r.Out, r.Err)
	}
	if r := c.up("--ledger", c.ledger+"/forgets"); r.Code != 3 || !strings.Contains(r.Err, "retention.ms is 3600000") || !strings.Contains(r.Err, "--alter") {
		c.t.Errorf("a topic that forgets: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
}

func (c *Cell) broker() (script, dir string) {
	c.t.Helper()
	script, err := filepath.Abs("../../../deploy/kafka/kafka.sh")
	if err != nil {
		c.t.Fatal(err)
	}
	return script, filepath.Join(c.dir, "broker")
}

// kafka starts a real broker on the cell's machine and returns its address.
func (c *Cell) kafka() string {
	c.t.Helper()
	script, dir := c.broker()
	if r := c.On(script, "fetch"); r.Code != 0 {
		c.t.Fatalf("fetch Kafka (see `make setup-kafka`): %s%s", r.Out, r.Err)
	}
	c.t.Cleanup(func() {
		if r := c.On(script, "stop", dir); r.Code != 0 {
			c.t.Errorf("stop Kafka: %s%s", r.Out, r.Err)
		}
	})
	if r := c.On(script, "start", dir, "9092", "9093"); r.Code != 0 {
		c.t.Fatalf("start Kafka: %s%s", r.Out, r.Err)
	}
	return fmt.Sprintf("127.0.0.1:%d", 9092)
}
