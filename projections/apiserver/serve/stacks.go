package serve

// The runtime starts a goroutine with the average stack that its last collection
// saw, and doubles it by copying as calls go deeper. A server's many idle
// goroutines use next to nothing, so the average is small; each request begins
// three goroutines that go deep, one of them upstream's own (its handlers'
// finisher), and a twelfth of a create's CPU went into growing their stacks.
//
// A few goroutines that stand deep and wait lift the average, so that a request
// begins with about what it needs. Where thousands of watches are open they
// weigh nothing, and stacks are small again. Tried instead: a frame of that size
// in our first handler grows in one step, but upstream's goroutine has none of ours.
const (
	deepStacks = 64
	deepFrames = 6 // of 4 KiB
)

// deepen keeps the average stack up until done.
func deepen(done <-chan struct{}) {
	for range deepStacks {
		go standDeep(deepFrames, done)
	}
}

//go:noinline
func standDeep(frames int, done <-chan struct{}) byte {
	var pad [4 << 10]byte
	pad[frames] = byte(frames)
	if frames > 1 {
		return standDeep(frames-1, done) + pad[frames/2]
	}
	<-done
	return pad[frames]
}
