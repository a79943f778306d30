package supervise

import (
	"io"
	"os"
	"strings"
)

// openLog opens a log to append to; a long one is put aside first.
func openLog(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
}

// Tail returns the last n lines of a log.
func Tail(path string, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > 64<<10 {
		if _, err := f.Seek(-64<<10, io.SeekEnd); err != nil {
			return nil
		}
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return lines[max(0, len(lines)-n):]
}

// LastLine is what a process said last: commands end with one line on what to do.
func LastLine(path string) string {
	lines := Tail(path, 1)
	if len(lines) == 0 || lines[0] == "" {
		return "it said nothing; see " + path
	}
	return strings.TrimPrefix(lines[0], "cairn: ")
}
