package images

import (
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one image of the store.
type Image struct {
	ID      string    // sha256:HEX of its config
	Refs    []string  // normalised references that name it now, sorted
	Digest  string    // sha256:HEX of its manifest
	Size    int64     // bytes of its layers, uncompressed
	Created time.Time // when it was built, as it says itself
	Layers  []string  // names in layers/, lowest first
	Config  v1.Config
}

// Reasons for an image that cannot be had: what Kubernetes shows while a
// container waits.
const (
	ReasonErrImagePull      = "ErrImagePull"
	ReasonErrImageNeverPull = "ErrImageNeverPull"
	ReasonInvalidImageName  = "InvalidImageName"
)

// PullError says why an image cannot be had.
type PullError struct {
	Reason string
	Err    error
}

func (e *PullError) Error() string { return e.Err.Error() }
func (e *PullError) Unwrap() error { return e.Err }
