package supervise

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

const lifelineEnv = "CAIRN_LIFELINE"

// Words that a supervisor says to a child.
const (
	Drain = "drain" // end every container of this cell, then end
	Gone  = "gone"  // nobody said it: the supervisor ended
)

// Lifeline yields what the supervisor says to this process: Drain, or Gone
// when it has ended. A process without a supervisor never hears anything.
func Lifeline() <-chan string {
	words := make(chan string, 1)
	fd, err := strconv.Atoi(os.Getenv(lifelineEnv))
	if err != nil {
		return words
	}
	os.Unsetenv(lifelineEnv) // it is not for this process' own children
	f := os.NewFile(uintptr(fd), "lifeline")
	go func() {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			words <- strings.TrimSpace(s.Text())
		}
		words <- Gone
	}()
	return words
}
