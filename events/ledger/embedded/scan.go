package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errTail: what follows is no whole batch: zeros, or the start of one, or
// damage. The caller knows which it may be.
var errTail = errors.New("no batch here")

// badBatch says why the bytes at a place are no batch.
type badBatch struct {
	at   int64
	what string
}

func (e *badBatch) Error() string { return e.what }
func (e *badBatch) Unwrap() error { return errTail }

// scanner reads the batches of a segment one after another. It never reuses a
// buffer, so that what it returned stays valid.
type scanner struct {
	file  io.ReaderAt
	salt  uint32
	at    int64 // of the next batch
	rel   uint32
	limit int64 // bytes of the file that may be read
	chunk int   // bytes to read at once

	buf   []byte
	bufAt int64
}

// next returns the next batch. io.EOF: at is the limit; a *badBatch (errTail):
// no batch at at, which stays; other errors are the disk's.
func (s *scanner) next() (batch, error) {
	left := s.limit - s.at
	if left == 0 {
		return batch{}, io.EOF
	}
	if left < batchHeader {
		return batch{}, &badBatch{s.at, fmt.Sprintf("only %d bytes are left", left)}
	}
	h, err := s.bytes(batchHeader)
	if err != nil {
		return batch{}, err
	}
	n := int64(binary.LittleEndian.Uint32(h[4:]))
	if n == 0 || n > maxBatchBytes || n > left-batchHeader {
		return batch{}, &badBatch{s.at, fmt.Sprintf("a batch of %d bytes where %d are left", n, left)}
	}
	whole, err := s.bytes(batchHeader + int(n))
	if err != nil {
		return batch{}, err
	}
	b, wrong := decodeBatch(whole, s.salt, s.rel)
	if wrong != "" {
		return batch{}, &badBatch{s.at, wrong}
	}
	b.at = s.at
	s.at += b.bytes()
	s.rel += b.records
	return b, nil
}

// bytes returns n bytes from s.at on.
func (s *scanner) bytes(n int) ([]byte, error) {
	from := s.at - s.bufAt
	if s.buf == nil || from < 0 || from+int64(n) > int64(len(s.buf)) {
		size := min(max(int64(s.chunk), int64(n)), s.limit-s.at)
		buf := make([]byte, size)
		got, err := s.file.ReadAt(buf, s.at)
		if got < n {
			if err == io.EOF { // the file got shorter than it was
				return nil, &badBatch{s.at, "the file ends within a batch"}
			}
			return nil, err
		}
		s.buf, s.bufAt, from = buf[:got], s.at, 0
	}
	return s.buf[from : from+int64(n)], nil
}
