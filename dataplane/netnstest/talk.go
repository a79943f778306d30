package netnstest

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Answer is what a server here says: its name, and who it thinks asked.
type Answer struct {
	Name string
	From netip.AddrPort
}

// Serve answers on an address inside s, over "tcp" or "udp", until the test
// ends or stop is called.
func Serve(t testing.TB, s Space, network, addr, name string) (stop func()) {
	t.Helper()
	var closer io.Closer
	err := s.Do(func() error {
		if network == "udp" {
			c, err := net.ListenPacket("udp4", addr)
			if err == nil {
				closer = c
				go serveUDP(c, name)
			}
			return err
		}
		l, err := net.Listen("tcp4", addr)
		if err == nil {
			closer = l
			go serveTCP(l, name)
		}
		return err
	})
	if err != nil {
		t.Fatalf("netnstest: serve %s %s: %v", network, addr, err)
	}
	t.Cleanup(func() { _ = closer.Close() })
	return func() { _ = closer.Close() }
}

func serveTCP(l net.Listener, name string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		_, _ = fmt.Fprintf(c, "%s %v\n", name, c.RemoteAddr())
		_ = c.Close()
	}
}

func serveUDP(c net.PacketConn, name string) {
	buf := make([]byte, 64)
	for {
		_, from, err := c.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		_, _ = c.WriteTo(fmt.Appendf(nil, "%s %v\n", name, from), from)
	}
}

// Ask connects from inside s and reads the answer.
func Ask(s Space, network, addr string, within time.Duration) (Answer, error) {
	c, err := Dial(s, network, addr, within)
	if err != nil {
		return Answer{}, err
	}
	defer c.Close()
	return AskOn(c, within)
}

// Dial connects from inside s.
func Dial(s Space, network, addr string, within time.Duration) (c net.Conn, err error) {
	err = s.Do(func() error {
		c, err = net.DialTimeout(network+"4", addr, within)
		return err
	})
	return c, err
}

// AskOn reads the answer on a connection; over UDP it asks first.
func AskOn(c net.Conn, within time.Duration) (Answer, error) {
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return Answer{}, err
	}
	if c.LocalAddr().Network() == "udp" {
		if _, err := c.Write([]byte("?")); err != nil {
			return Answer{}, err
		}
	}
	buf := make([]byte, 128)
	n, err := c.Read(buf)
	if err != nil {
		return Answer{}, err
	}
	name, from, ok := strings.Cut(strings.TrimSpace(string(buf[:n])), " ")
	if !ok {
		return Answer{}, fmt.Errorf("netnstest: answer %q is not from a server here", buf[:n])
	}
	who, err := netip.ParseAddrPort(from)
	return Answer{Name: name, From: who}, err
}
