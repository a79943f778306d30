package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// socketBytes is large because a batch is one sendmsg and every message of
	// it is acknowledged.
	socketBytes = 64 << 20
	// answerWithin bounds the wait for the kernel: it works a transaction off
	// before it answers, so this is far above any honest delay.
	answerWithin = 30 * time.Second
)

// conn is a lasting connection and the socket under it.
type conn struct {
	*nftables.Conn
	socket *netlink.Conn
}

// dial opens a socket in the calling thread's network namespace.
func dial() (*conn, error) {
	c := &conn{}
	nf, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(s *netlink.Conn) error {
		c.socket = s
		return errors.Join(s.SetWriteBuffer(socketBytes), s.SetReadBuffer(socketBytes))
	}))
	if err != nil {
		return nil, fmt.Errorf("nft: no connection to the kernel's nftables (are you root, is the module nf_tables there?): %w", err)
	}
	c.Conn = nf
	return c, nil
}

// commit sends what was queued as one transaction.
func (c *conn) commit() error {
	if err := c.socket.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	return c.Flush()
}

// generation is the kernel's count of transactions in this namespace,
// anybody's.
func (c *conn) generation() (uint32, error) {
	if err := c.socket.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return 0, err
	}
	got, err := c.socket.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return 0, fmt.Errorf("nft: ask for the generation: %w", err)
	}
	for _, m := range got {
		if len(m.Data) < 4 {
			continue
		}
		attrs, err := netlink.UnmarshalAttributes(m.Data[4:])
		if err != nil {
			return 0, fmt.Errorf("nft: read the generation: %w", err)
		}
		for _, a := range attrs {
			if a.Type == unix.NFTA_GEN_ID && len(a.Data) == 4 {
				return binary.BigEndian.Uint32(a.Data), nil
			}
		}
	}
	return 0, errors.New("nft: the kernel's answer holds no generation")
}
