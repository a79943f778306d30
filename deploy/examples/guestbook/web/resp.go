package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxBulk bounds one value that Redis may send us: entries are under 4 KiB, so
// a larger one is not a guestbook's and must not fill the memory.
const maxBulk = 1 << 20

// redisError is an error reply of Redis, such as "WRONGTYPE ...".
type redisError string

func (e redisError) Error() string { return "redis refused: " + string(e) }

// exchange writes the commands and reads a reply for each, in the RESP2
// protocol (redis.io/docs/latest/develop/reference/protocol-spec).
// Replies are string, int64, nil or []any.
func exchange(conn io.ReadWriter, commands [][]string) ([]any, error) {
	var out strings.Builder
	for _, words := range commands {
		fmt.Fprintf(&out, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	if _, err := io.WriteString(conn, out.String()); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	replies := make([]any, 0, len(commands))
	for range commands {
		reply, err := readReply(in, 0)
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

func readReply(in *bufio.Reader, depth int) (any, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line, ended := strings.CutSuffix(line, "\r\n")
	if !ended || line == "" {
		return nil, fmt.Errorf("not a RESP reply: %q", line)
	}
	rest := line[1:]
	switch line[0] {
	case '+':
		return rest, nil
	case '-':
		return nil, redisError(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$':
		return readBulk(in, rest)
	case '*':
		return readArray(in, rest, depth)
	}
	return nil, fmt.Errorf("not a RESP reply: %q", line)
}

func readBulk(in io.Reader, length string) (any, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n > maxBulk {
		return nil, fmt.Errorf("a value of %s bytes is refused", length)
	}
	if n < 0 {
		return nil, nil
	}
	value := make([]byte, n+2)
	if _, err := io.ReadFull(in, value); err != nil {
		return nil, err
	}
	if string(value[n:]) != "\r\n" {
		return nil, errors.New("a value is longer than its length says")
	}
	return string(value[:n]), nil
}

func readArray(in *bufio.Reader, length string, depth int) (any, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n > 10*maxEntries || depth > 2 {
		return nil, fmt.Errorf("a list of %s values is refused", length)
	}
	if n < 0 {
		return nil, nil
	}
	items := make([]any, 0, n)
	for range n {
		item, err := readReply(in, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}
