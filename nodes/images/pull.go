package images

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Ensure gives the image that ref names, by the policy (empty: the default of
// its tag), and whether it was pulled now. Errors are *PullError. credentials are the contents of
// Secrets of type kubernetes.io/dockerconfigjson.
func (s *Store) Ensure(ctx context.Context, ref string, policy PullPolicy, credentials ...[]byte) (img Image, pulled bool, err error) {
	if _, err := Normalise(ref); err != nil {
		return Image{}, false, &PullError{ReasonInvalidImageName, err}
	}
	if policy == "" {
		policy = DefaultPolicy(ref)
	}
	img, have, err := s.Get(ref)
	if err != nil {
		return Image{}, false, &PullError{ReasonErrImagePull, err}
	}
	switch {
	case have && policy != PullAlways:
		return img, false, nil
	case policy == PullNever:
		return Image{}, false, &PullError{ReasonErrImageNeverPull, fmt.Errorf("image %q is not here and its pull policy is Never: load it with `cairn image import FILE`", ref)}
	}
	img, err = s.pull(ctx, ref, credentials)
	if err != nil {
		return Image{}, false, &PullError{ReasonErrImagePull, err}
	}
	return img, true, nil
}

func (s *Store) pull(ctx context.Context, ref string, credentials [][]byte) (Image, error) {
	n, err := Normalise(ref)
	if err != nil {
		return Image{}, err
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		return Image{}, err
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain(credentials)),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}), remote.WithUserAgent("cairn"))
	if err != nil {
		return Image{}, explain(ref, err)
	}
	unlock, err := s.lock(false)
	if err != nil {
		return Image{}, err
	}
	defer unlock()
	out, err := s.add(ctx, img, []string{n})
	if err != nil {
		return Image{}, fmt.Errorf("pull %q: %w", ref, err)
	}
	return out, nil
}

// explain says what to do about the commonest refusals of a registry.
func explain(ref string, err error) error {
	var te *transport.Error
	if errors.As(err, &te) {
		switch te.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("image %q does not exist in its registry: check name and tag, or load it with `cairn image import FILE`: %w", ref, err)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("registry refused image %q: it does not exist, or name a Secret with credentials in imagePullSecrets: %w", ref, err)
		}
	}
	return fmt.Errorf("pull %q: %w", ref, err)
}

// keychain looks a registry up in the contents of dockerconfigjson secrets.
type keychain [][]byte

func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	for _, raw := range k {
		var cfg struct {
			Auths map[string]struct{ Auth, Username, Password string }
		}
		if err := json.Unmarshal(raw, &cfg); err != nil {
			return nil, fmt.Errorf("image pull secret is not a docker config.json: %w", err)
		}
		for host, a := range cfg.Auths {
			if registryHost(host) != target.RegistryStr() {
				continue
			}
			if a.Username == "" && a.Auth != "" {
				b, err := base64.StdEncoding.DecodeString(a.Auth)
				if err != nil {
					return nil, fmt.Errorf("image pull secret for %s: auth is not base64: %w", host, err)
				}
				a.Username, a.Password, _ = strings.Cut(string(b), ":")
			}
			return &authn.Basic{Username: a.Username, Password: a.Password}, nil
		}
	}
	return authn.Anonymous, nil
}

func registryHost(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	s, _, _ = strings.Cut(s, "/")
	if s == "docker.io" {
		return name.DefaultRegistry
	}
	return s
}
