// Package images keeps container images on one machine: imported from archives
// (docker save, OCI) or pulled from a registry, unpacked once per layer, and
// mounted as one overlay per container.
//
// In: archives, references, pull policy and credentials. Out: Image records,
// and root file systems mounted in a directory of the caller's.
//
// On disk, below the store's directory:
//
//	layers/HEX24      an unpacked layer, named by its diff ID (SHA-256, clipped
//	                  so that 127 of them fit in one mount call)
//	images/HEX.json   an image: its config, its layers in order
//	refs.json         reference -> image
//	tmp/              what is being written; emptied when nobody writes
//
// Promises: a layer is complete, verified against its diff ID and on disk
// before its name appears, and an image's record appears after its layers; so
// a crash anywhere leaves rubbish in tmp at most. A layer with a path that
// leads out of the root is refused by name. Several processes may use a store
// at once (`cairn image import` beside a daemon): writers take a lock file,
// readers read what was renamed into place.
//
// Goroutines: none of its own; a Store may be used from several.
//
// Read first: TestAnImageWhosePathsEscapeIsRefused, testdata/references-and-their-pull-policy.
package images
