package protocol

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Version is the version of this protocol.
const Version = 1

// MaxMessage is the longest message or chunk, in bytes.
const MaxMessage = 1 << 20

// Names of files in a pod's run directory.
const (
	SocketFile    = "shim.sock"
	LogFile       = "shim.log"
	PauseExitFile = "pause.exit.json"
	ExitFile      = "exit.json" // in a container's bundle
)

// Op is what is asked of the shim.
type Op string

// The operations. Pause is named by an empty ID.
const (
	OpHello    Op = "hello"    // Reply.State
	OpSandbox  Op = "sandbox"  // start the pause process; Reply.Pid
	OpCreate   Op = "create"   // runc create; Reply.Pid
	OpWait     Op = "wait"     // Reply.Exit, once it ended
	OpAttach   Op = "attach"   // then chunks
	OpResize   Op = "resize"   // the container's terminal
	OpDeadline Op = "deadline" // kill everything at a time of the boot clock
	OpForget   Op = "forget"   // drop an ended container
	OpQuit     Op = "quit"     // end the pause process and the shim
)

// Request is one question to the shim.
type Request struct {
	Op       Op          `json:"op"`
	ID       string      `json:"id,omitempty"`
	Sandbox  *Sandbox    `json:"sandbox,omitempty"`
	Create   *Create     `json:"create,omitempty"`
	Stdin    bool        `json:"stdin,omitempty"` // attach: send input too
	Size     *WindowSize `json:"size,omitempty"`
	Deadline int64       `json:"deadline,omitempty"` // ns of CLOCK_BOOTTIME; 0: none
}

// Sandbox says which namespaces the pause process makes and holds.
type Sandbox struct {
	Pause    string            `json:"pause"` // path of the pause binary
	Hostname string            `json:"hostname"`
	Net      bool              `json:"net"`
	PID      bool              `json:"pid"`
	Sysctls  map[string]string `json:"sysctls,omitempty"`
}

// Create says what runc is to create, and where its output goes.
type Create struct {
	Bundle    string `json:"bundle"`
	LogPath   string `json:"logPath"`
	TTY       bool   `json:"tty,omitempty"`
	Stdin     bool   `json:"stdin,omitempty"`
	StdinOnce bool   `json:"stdinOnce,omitempty"`
}

// WindowSize is the size of a terminal, in characters.
type WindowSize struct {
	Width  uint16 `json:"width"`
	Height uint16 `json:"height"`
}

// Exit says how a process ended.
//
// Invariant: Known is false when nobody could wait for it; Code means nothing
// then.
type Exit struct {
	Pid    int       `json:"pid"`
	Known  bool      `json:"known"`
	Code   int       `json:"code"`             // 128+signal where a signal ended it
	Signal int       `json:"signal,omitempty"` // the signal that ended it
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"` // why the shim killed it, if it did
}

// Process is one process a shim looks after.
type Process struct {
	ID   string `json:"id"` // empty for pause
	Pid  int    `json:"pid"`
	Exit *Exit  `json:"exit,omitempty"`
}

// State is all a shim looks after.
type State struct {
	Version   int       `json:"version"`
	Pid       int       `json:"pid"`
	Processes []Process `json:"processes,omitempty"`
}

// Reply is the answer to a request.
type Reply struct {
	Error string `json:"error,omitempty"`
	Pid   int    `json:"pid,omitempty"`
	Exit  *Exit  `json:"exit,omitempty"`
	State *State `json:"state,omitempty"`
}

// Send writes v as one message.
func Send(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode shim message: %w", err)
	}
	if len(body) > MaxMessage {
		return fmt.Errorf("shim message of %d bytes is longer than %d", len(body), MaxMessage)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(b, body...))
	return err
}

// Receive reads one message into v.
func Receive(r io.Reader, v any) error {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(n[:])
	if size > MaxMessage {
		return fmt.Errorf("shim message of %d bytes is longer than %d: the peer does not speak this protocol", size, MaxMessage)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// Channel says what a chunk of an attached connection holds.
type Channel byte

// The channels. ChanStdinEnd carries nothing; ChanResize a WindowSize as JSON.
const (
	ChanStdin Channel = iota
	ChanStdout
	ChanStderr
	ChanResize
	ChanStdinEnd
)

// SendChunk writes one chunk by one write call.
func SendChunk(w io.Writer, c Channel, data []byte) error {
	b := make([]byte, 0, 5+len(data))
	b = append(b, byte(c))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	_, err := w.Write(append(b, data...))
	return err
}

// ReceiveChunk reads one chunk; io.EOF where the peer is done.
func ReceiveChunk(r io.Reader) (Channel, []byte, error) {
	var h [5]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(h[1:])
	if size > MaxMessage {
		return 0, nil, fmt.Errorf("attach chunk of %d bytes is longer than %d", size, MaxMessage)
	}
	data := make([]byte, size)
	_, err := io.ReadFull(r, data)
	return Channel(h[0]), data, err
}
