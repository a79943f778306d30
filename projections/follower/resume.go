package follower

import (
	"errors"

	"cairn/projections/digest"
	"cairn/projections/store"
)

// resume loads fold and digest from a snapshot, each on a goroutine of its own:
// what lives is read once, and hashed beside being loaded.
func resume(n *store.Snapshot, load Load) (Folder, *digest.Digest, error) {
	const some = 256
	lives, hashed := make(chan []*digest.Live, 8), make(chan struct{})
	r := digest.Restore()
	go func() {
		defer close(hashed)
		for list := range lives {
			for _, l := range list {
				r.Add(l)
			}
		}
	}()
	var list []*digest.Live
	rows, failed := n.Resume(func(l *digest.Live) {
		if list = append(list, l); len(list) == some {
			lives <- list
			list = nil
		}
	})
	folder, err := load(rows)
	lives <- list
	close(lives)
	<-hashed
	if err = errors.Join(err, failed()); err != nil {
		return nil, nil, err
	}
	d, err := r.Done(n.Position)
	return folder, d, err
}
