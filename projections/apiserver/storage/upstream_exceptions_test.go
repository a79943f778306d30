package storage

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// exception is a test of upstream's suite that does not hold here.
type exception struct {
	test   string // below TestUpstream
	says   string // what the suite says of it
	reason string
}

const (
	nothingCompacted = "Cairn compacts nothing: every revision of a ledger can be read for ever, and so no list, watch or token is ever too old. " +
		"(For those who may not read the past, the API server itself calls a revision of more than five minutes expired.)"
	noTimeToLive = "The fold has no clock, so nothing vanishes by itself: what falls due is a record. Kubernetes gives a time to live only to Events " +
		"and to its own servers' leases, which Cairn renders; storage refuses one by name instead of forgetting it."
	noAggregation = "Upstream gathers the errors of up to 100 undecodable objects of one list only behind AllowUnsafeMalformedObjectDeletion, an alpha gate that is off. " +
		"A list ends at the first, as upstream's does without the gate (GetListWithoutErrorAggregation holds)."
)

// exceptions is all of it. Each is run by itself and must fail in the words
// given, so that none is kept for longer than it is true.
var exceptions = []exception{
	{"CreateWithTTL", "asks to live for 1 seconds", noTimeToLive},
	{"GuaranteedUpdateWithTTL", "asks to live for 1 seconds", noTimeToLive},
	{"List/test List on existing key with resource version set before first write, match=Exact", "expecting resource version too old error, but get: <nil>", nothingCompacted},
	{"List/test List with resource version set before first write, match=Exact", "expecting resource version too old error, but get: <nil>", nothingCompacted},
	{"List/test List with continue, resource version before first write", "expecting continue too old error, but get: <nil>", nothingCompacted},
	{"ListInconsistentContinuation", "unexpected no error", nothingCompacted},
	{"CompactRevision", "The resourceVersion for the provided list is too old", nothingCompacted},
	{"KeySchema", "Received unexpected error", "The suite's last lines create objects at keys such as /pods/ and /pods/namespace, which name no object. In Cairn a key is a kind, " +
		"a namespace and a name, and all three are on record. What the test says of malformed keys holds: TestMalformedKeysAreRefused."},
	{"GuaranteedUpdateChecksStoredData", "does not appear to be a protobuf message", "It stores an object with a space before its JSON and wants an update without a change to write it anew. " +
		"Cairn stores protobuf, and compares what objects say, not how they were encoded: else an upgrade of a library would make a record of every no-op update. " +
		"What is encrypted with an old key is written anew (GuaranteedUpdate, case stale, holds)."},
	{"GetListWithErrorAggregation/feature enabled, should aggregate corrupt object errors", "expected an API status error object", noAggregation},
	{"GetListWithErrorAggregation/feature enabled, aggregation should abort as soon as it encounters an unexpected error", "expected an API status error object", noAggregation},
	{"GetListWithErrorAggregation/feature enabled, error aggregation should not exceed the maximum limit", "expected an API status error object", noAggregation},
	{"GetListWithErrorAggregation/feature enabled, there are exactly 100 (error aggregation limit) corrupt errors", "expected an API status error object", noAggregation},
}

// pattern names the test as -test.run and -test.skip do.
func (e exception) pattern() string {
	parts := strings.Split("TestUpstream/"+e.test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(strings.ReplaceAll(p, " ", "_")) + "$"
	}
	return strings.Join(parts, "/")
}

// alone is set in a process that runs one exception.
const alone = "STORAGE_EXCEPTION"

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(alone) == "" {
		var list []string
		for _, e := range exceptions {
			list = append(list, e.pattern())
		}
		if was := flag.Lookup("test.skip").Value.String(); was != "" {
			list = append(list, was)
		}
		if err := flag.Set("test.skip", strings.Join(list, "|")); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestEachExceptionIsOne(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	for _, e := range exceptions {
		t.Run(e.test, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), self, "-test.run", e.pattern(), "-test.v")
			c.Env = append(os.Environ(), alone+"=1")
			b, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(b), e.says) {
				t.Errorf("it should fail and say %q (%v):\n%s", e.says, err, b)
			}
			if len(e.reason) < 80 {
				t.Errorf("its reason is %q", e.reason)
			}
		})
	}
}
