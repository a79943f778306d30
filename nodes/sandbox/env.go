package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cairn/nodes/downward"
)

// Objects are what a container's environment may name.
type Objects struct {
	ConfigMaps map[string]*corev1.ConfigMap
	Secrets    map[string]*corev1.Secret
	ServiceEnv map[string]string
	Node       corev1.ResourceList // what the node offers
}

// Environment is a container's environment in order; a later name replaces an
// earlier one in its place.
type Environment struct {
	names  []string
	values map[string]string
}

func (e *Environment) set(name, value string) {
	if e.values == nil {
		e.values = map[string]string{}
	}
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

// Lookup gives a variable's value.
func (e *Environment) Lookup(name string) (string, bool) {
	v, ok := e.values[name]
	return v, ok
}

// List writes the environment as NAME=VALUE.
func (e *Environment) List() []string {
	var out []string
	for _, n := range e.names {
		out = append(out, n+"="+e.values[n])
	}
	return out
}

// Environ makes the environment of a container: the image's, the services', the
// container's envFrom, then its env, where $(NAME) is what came before.
func Environ(pod *corev1.Pod, c *corev1.Container, image []string, o Objects) (*Environment, error) {
	e := &Environment{}
	e.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	e.set("HOSTNAME", Hostname(pod))
	if c.TTY {
		e.set("TERM", "xterm")
	}
	for _, kv := range image {
		name, value, _ := strings.Cut(kv, "=")
		e.set(name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(o.ServiceEnv)) {
		e.set(name, o.ServiceEnv[name])
	}
	for _, from := range c.EnvFrom {
		if err := e.addAll(from, o); err != nil {
			return nil, err
		}
	}
	for _, v := range c.Env {
		value, ok := Expand(v.Value, e.Lookup), true
		if v.ValueFrom != nil {
			var err error
			if value, ok, err = valueFrom(pod, c, v.ValueFrom, o); err != nil {
				return nil, fmt.Errorf("env %s: %w", v.Name, err)
			}
		}
		if ok {
			e.set(v.Name, value)
		}
	}
	return e, nil
}

func (e *Environment) addAll(from corev1.EnvFromSource, o Objects) error {
	data := map[string]string{}
	switch {
	case from.ConfigMapRef != nil:
		cm := o.ConfigMaps[from.ConfigMapRef.Name]
		if cm == nil {
			return missing("configmap", from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
		}
		data = cm.Data
	case from.SecretRef != nil:
		s := o.Secrets[from.SecretRef.Name]
		if s == nil {
			return missing("secret", from.SecretRef.Name, from.SecretRef.Optional)
		}
		for k, v := range s.Data {
			data[k] = string(v)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(data)) {
		if strings.Contains(k, "=") || k == "" {
			continue // cannot be the name of a variable
		}
		e.set(from.Prefix+k, data[k])
	}
	return nil
}

func missing(kind, name string, optional *bool) error {
	if optional != nil && *optional {
		return nil
	}
	return fmt.Errorf("%s %q not found", kind, name)
}

func valueFrom(pod *corev1.Pod, c *corev1.Container, v *corev1.EnvVarSource, o Objects) (string, bool, error) {
	switch {
	case v.FieldRef != nil:
		s, err := downward.Field(pod, v.FieldRef.FieldPath)
		return s, true, err
	case v.ResourceFieldRef != nil:
		s, err := downward.Resource(pod, c.Name, v.ResourceFieldRef, o.Node)
		return s, true, err
	case v.ConfigMapKeyRef != nil:
		r := v.ConfigMapKeyRef
		if cm := o.ConfigMaps[r.Name]; cm != nil {
			if s, ok := cm.Data[r.Key]; ok {
				return s, true, nil
			}
			return "", false, missing("key of configmap "+r.Name, r.Key, r.Optional)
		}
		return "", false, missing("configmap", r.Name, r.Optional)
	case v.SecretKeyRef != nil:
		r := v.SecretKeyRef
		if s := o.Secrets[r.Name]; s != nil {
			if b, ok := s.Data[r.Key]; ok {
				return string(b), true, nil
			}
			return "", false, missing("key of secret "+r.Name, r.Key, r.Optional)
		}
		return "", false, missing("secret", r.Name, r.Optional)
	}
	return "", false, fmt.Errorf("this valueFrom is not done by this node (fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef are)")
}

// Expand replaces $(NAME) by a variable's value. $$ stands for one $, and a
// name that nobody set stays as it is written.
func Expand(s string, lookup func(string) (string, bool)) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch s[i+1] {
		case '$':
			b.WriteByte('$')
			i++
		case '(':
			end := strings.IndexByte(s[i:], ')')
			if end < 0 {
				b.WriteByte('$')
				continue
			}
			if v, ok := lookup(s[i+2 : i+end]); ok {
				b.WriteString(v)
			} else {
				b.WriteString(s[i : i+end+1])
			}
			i += end
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}
