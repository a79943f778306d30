package emitter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
)

// Commands: want KEY OFFSET [gone], saw KEY OFFSET [gone|dropped], verified OFFSET,
// marks PARTITIONS; keys are written PARTITION:KEY. The answer is what is put,
// and what a mark may say.
func TestTable(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		table := NewTable()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var words []string
			for _, a := range d.CmdArgs {
				words = append(words, a.String())
			}
			var put []Message
			switch d.Cmd {
			case "want":
				put = table.Want(message(t, words))
			case "saw":
				put = table.Saw(message(t, words))
			case "verified":
				var o int64
				fmt.Sscan(words[0], &o)
				put = table.Verified(events.Offset(o))
			case "marks":
				var n int
				fmt.Sscan(words[0], &n)
				put = table.Marks(n)
			default:
				t.Fatalf("unknown command %s", d.Cmd)
			}
			var b strings.Builder
			for _, m := range put {
				what := "put"
				if m.Gone {
					what = "put tombstone"
				}
				if m.Dropped {
					what = "drop"
				}
				fmt.Fprintf(&b, "%s %d:%s at %d\n", what, m.Partition, m.Key, m.Offset)
			}
			if at, ok := table.Settled(); ok {
				fmt.Fprintf(&b, "settled at %d\n", at)
			} else {
				b.WriteString("not settled\n")
			}
			return b.String()
		})
	})
}

func message(t *testing.T, words []string) (m Message) {
	t.Helper()
	var o int64
	if _, err := fmt.Sscanf(strings.Replace(words[0], ":", " ", 1), "%d %s", &m.Partition, &m.Key); err != nil {
		t.Fatal(err)
	}
	fmt.Sscan(words[1], &o)
	m.Offset = events.Offset(o)
	m.Gone = len(words) > 2 && words[2] == "gone"
	m.Dropped = len(words) > 2 && words[2] == "dropped"
	return m
}
