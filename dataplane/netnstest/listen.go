package netnstest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Ear is a packet socket that hears every frame on every link of a namespace.
type Ear struct {
	mu    sync.Mutex
	heard []netip.Addr // destinations of IPv4 packets and ARP questions
}

// Listen opens an ear in s before it returns.
func Listen(t testing.TB, s Space) *Ear {
	t.Helper()
	const all = unix.ETH_P_ALL
	protocol := uint16(all<<8&0xffff | all>>8) // network order
	fd := -1
	err := s.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(protocol))
		if err != nil {
			return err
		}
		// A timeout, so that the reader notices the end of the test.
		return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
	})
	if err != nil {
		t.Fatalf("netnstest: packet socket: %v", err)
	}
	e, stop, done := &Ear{}, make(chan struct{}), make(chan struct{})
	go e.read(fd, stop, done)
	t.Cleanup(func() {
		close(stop)
		<-done
		_ = unix.Close(fd)
	})
	return e
}

func (e *Ear) read(fd int, stop, done chan struct{}) {
	defer close(done)
	buf := make([]byte, 2048)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil || n < 14 {
			continue // a timeout, or a frame too short to matter
		}
		if to, ok := destination(buf[:n]); ok {
			e.mu.Lock()
			e.heard = append(e.heard, to)
			e.mu.Unlock()
		}
	}
}

func destination(frame []byte) (netip.Addr, bool) {
	const header = 14
	offset := 0
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		offset = header + 16
	case unix.ETH_P_ARP:
		offset = header + 24
	default:
		return netip.Addr{}, false
	}
	if len(frame) < offset+4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(frame[offset : offset+4])), true
}

// Heard says how many packets were for an address in one of the ranges, and
// how many there were at all.
func (e *Ear) Heard(ranges ...netip.Prefix) (in, all int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.heard {
		for _, r := range ranges {
			if r.Contains(a) {
				in++
				break
			}
		}
	}
	return in, len(e.heard)
}

// HeardOf is nil once a packet for addr was heard.
func (e *Ear) HeardOf(addr netip.Addr) error {
	if in, all := e.Heard(netip.PrefixFrom(addr, addr.BitLen())); in == 0 {
		return fmt.Errorf("netnstest: none of %d packets was for %v", all, addr)
	}
	return nil
}
