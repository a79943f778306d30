package kafka

// WithWriterTime lets the tests run against kfake, which knows no append time.
func (c Config) WithWriterTime() Config {
	c.writerTime = true
	return c
}

// Unsynced lets a topic be without flush.messages.
func (c Config) Unsynced() Config {
	c.unsynced = true
	return c
}

// Renewed gives the number of transports that were thrown away.
func (l *Log) Renewed() int {
	l.link.mu.Lock()
	defer l.link.mu.Unlock()
	return l.link.renewed
}

// Decode decodes a fetch response's batches, for tests.
func Decode(b []byte, from int64) (int, error) {
	l := &Log{link: newLink([]string{"127.0.0.1:1"}, "t", 0), writerTime: true}
	records, err := l.decode(b, from, 1<<20)
	return len(records), err
}

// Batch encodes a batch that begins at base, with these values.
func Batch(base int64, values ...string) []byte {
	var entries []entry
	for _, v := range values {
		entries = append(entries, entry{value: []byte(v)})
	}
	b := encodeBatch(nil, entries, 1)
	for i := range 8 {
		b[i] = byte(base >> (56 - 8*i))
	}
	return b
}
