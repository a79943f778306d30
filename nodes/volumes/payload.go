package volumes

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cairn/nodes/downward"
)

// Source is what a pod's volumes are filled from.
type Source struct {
	Pod        *corev1.Pod
	ConfigMaps map[string]*corev1.ConfigMap
	Secrets    map[string]*corev1.Secret
	Token      string // service account token; empty: none was issued
	CA         string // PEM, for volumes that name the config map kube-root-ca.crt
	Node       corev1.ResourceList
}

// File is one file of a volume.
type File struct {
	Data []byte
	Mode int32
}

// rootCA is the config map that holds the cell's certificate authority in
// every namespace.
const rootCA = "kube-root-ca.crt"

// Payload gives the files of a volume made of objects, by relative path; ok is
// false for other kinds of volume.
func Payload(v corev1.Volume, src Source) (files map[string]File, ok bool, err error) {
	files = map[string]File{}
	switch {
	case v.ConfigMap != nil:
		err = addConfigMap(files, src, v.ConfigMap.Name, v.ConfigMap.Items, mode(v.ConfigMap.DefaultMode), v.ConfigMap.Optional)
	case v.Secret != nil:
		err = addSecret(files, src, v.Secret.SecretName, v.Secret.Items, mode(v.Secret.DefaultMode), v.Secret.Optional)
	case v.DownwardAPI != nil:
		err = addDownward(files, src, v.DownwardAPI.Items, mode(v.DownwardAPI.DefaultMode))
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			if err = addProjection(files, src, s, mode(v.Projected.DefaultMode)); err != nil {
				break
			}
		}
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, true, fmt.Errorf("volume %q: %w", v.Name, err)
	}
	for p := range files {
		if !within(p) {
			return nil, true, fmt.Errorf("volume %q: path %q leads out of the volume", v.Name, p)
		}
	}
	return files, true, nil
}

func mode(m *int32) int32 {
	if m == nil {
		return 0o644
	}
	return *m
}

func within(p string) bool {
	return p != "" && !path.IsAbs(p) && path.Clean(p) != "." && path.Clean(p) != ".." &&
		!strings.HasPrefix(path.Clean(p), "../") && !strings.HasPrefix(p, "..")
}

func addProjection(files map[string]File, src Source, s corev1.VolumeProjection, def int32) error {
	switch {
	case s.ConfigMap != nil:
		return addConfigMap(files, src, s.ConfigMap.Name, s.ConfigMap.Items, def, s.ConfigMap.Optional)
	case s.Secret != nil:
		return addSecret(files, src, s.Secret.Name, s.Secret.Items, def, s.Secret.Optional)
	case s.DownwardAPI != nil:
		return addDownward(files, src, s.DownwardAPI.Items, def)
	case s.ServiceAccountToken != nil:
		if s.ServiceAccountToken.Audience != "" {
			return fmt.Errorf("a token for audience %q is not done by this node: leave the audience out", s.ServiceAccountToken.Audience)
		}
		if src.Token == "" {
			return fmt.Errorf("no token was issued for service account %q", src.Pod.Spec.ServiceAccountName)
		}
		files[s.ServiceAccountToken.Path] = File{[]byte(src.Token), def}
		return nil
	}
	return fmt.Errorf("projected source is not done by this node (configMap, secret, downwardAPI, serviceAccountToken are)")
}

func addConfigMap(files map[string]File, src Source, name string, items []corev1.KeyToPath, def int32, optional *bool) error {
	cm := src.ConfigMaps[name]
	data := map[string][]byte{}
	switch {
	case cm != nil:
		for k, v := range cm.Data {
			data[k] = []byte(v)
		}
		for k, v := range cm.BinaryData {
			data[k] = v
		}
	case name == rootCA && src.CA != "":
		data["ca.crt"] = []byte(src.CA)
	case optional != nil && *optional:
		return nil
	default:
		return fmt.Errorf("configmap %q not found", name)
	}
	return addItems(files, "configmap "+name, data, items, def, optional)
}

func addSecret(files map[string]File, src Source, name string, items []corev1.KeyToPath, def int32, optional *bool) error {
	s := src.Secrets[name]
	if s == nil {
		if optional != nil && *optional {
			return nil
		}
		return fmt.Errorf("secret %q not found", name)
	}
	return addItems(files, "secret "+name, s.Data, items, def, optional)
}

func addItems(files map[string]File, what string, data map[string][]byte, items []corev1.KeyToPath, def int32, optional *bool) error {
	if len(items) == 0 {
		for k, v := range data {
			files[k] = File{v, def}
		}
		return nil
	}
	for _, it := range items {
		v, ok := data[it.Key]
		if !ok {
			if optional != nil && *optional {
				continue
			}
			return fmt.Errorf("%s has no key %q", what, it.Key)
		}
		m := def
		if it.Mode != nil {
			m = *it.Mode
		}
		files[it.Path] = File{v, m}
	}
	return nil
}

func addDownward(files map[string]File, src Source, items []corev1.DownwardAPIVolumeFile, def int32) error {
	for _, it := range items {
		var text string
		var err error
		switch {
		case it.FieldRef != nil:
			text, err = downward.Field(src.Pod, it.FieldRef.FieldPath)
		case it.ResourceFieldRef != nil:
			text, err = downward.Resource(src.Pod, "", it.ResourceFieldRef, src.Node)
		}
		if err != nil {
			return err
		}
		m := def
		if it.Mode != nil {
			m = *it.Mode
		}
		files[it.Path] = File{[]byte(text), m}
	}
	return nil
}
