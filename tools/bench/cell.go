package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"cairn/projections/history"
)

// bed is a running cell to measure.
type bed struct {
	cairn, data, run string
	client           kubernetes.Interface
}

// wholeCell starts a real cell in this network namespace, measures and ends it.
func wholeCell(ctx context.Context, cairn, dir string) (err error) {
	if cairn, err = filepath.Abs(cairn); err != nil {
		return err
	}
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", "198.51.100.2/32", "dev", "lo"}} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	b := &bed{cairn: cairn, data: filepath.Join(dir, "cell"), run: filepath.Join(dir, "run")}
	name := fmt.Sprintf("bench%d", os.Getpid())
	if _, err := b.do(ctx, "up", "--detach", "--name", name, "--listen", "127.0.0.1:6443", "--node-name", "n1", "--node-address", "198.51.100.2"); err != nil {
		return err
	}
	defer func() {
		_, down := b.do(context.WithoutCancel(ctx), "down")
		err = errors.Join(err, down)
	}()
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(b.data, "kubeconfig"))
	if err != nil {
		return err
	}
	cfg.QPS, cfg.WarningHandler = -1, rest.NoWarnings{}
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	if b.client, err = kubernetes.NewForConfig(cfg); err != nil {
		return err
	}
	return errors.Join(b.creates(ctx), b.starts(ctx), b.serviceChange(ctx))
}

func (b *bed) do(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.cairn, append(args, "--data-dir", b.data, "--run-dir", b.run)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("cairn %s: %w: %s", args[0], err, exit.Stderr)
	}
	return out, err
}

// creates measures ConfigMaps by 16 clients that share a connection pool.
func (b *bed) creates(ctx context.Context) error {
	const clients, each = 16, 150
	times, failed := make([][]time.Duration, clients), make([]error, clients)
	began := time.Now()
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range each {
				m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("m%d-%d", c, i)}, Data: map[string]string{"k": strings.Repeat("v", 1024)}}
				one := time.Now()
				if _, err := b.client.CoreV1().ConfigMaps("default").Create(ctx, m, metav1.CreateOptions{}); err != nil {
					failed[c] = err
					return
				}
				times[c] = append(times[c], time.Since(one))
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	var flat []time.Duration
	for _, t := range times {
		flat = append(flat, t...)
	}
	l := Line{What: "api.create", Load: "1 KiB ConfigMaps over TLS, protobuf, 16 clients, embedded ledger; clients on the same machine"}.spread(flat)
	l.Rate = float64(l.N) / took.Seconds()
	return errors.Join(errors.Join(failed...), say(l))
}

// starts measures pods one after another, by the ledger's own times.
func (b *bed) starts(ctx context.Context) error {
	const pods = 10
	if _, err := b.do(ctx, "image", "import", ".cache/images/busybox.tar"); err != nil {
		return fmt.Errorf("%w (run: make images)", err)
	}
	var times []time.Duration
	for i := range pods {
		name := fmt.Sprintf("p%d", i)
		grace := int64(0)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{Name: "main", Image: "examples/busybox:1", ImagePullPolicy: corev1.PullNever, Command: []string{"sleep", "1000"}}}}}
		if _, err := b.client.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{}); err != nil {
			return err
		}
		took, err := b.startOf(ctx, name)
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	return say(Line{What: "pod.start", Load: "pods of one container one after another; ledger time from pod.placed to container.started; image there already"}.spread(times))
}

// startOf waits for both records and returns the time between them.
func (b *bed) startOf(ctx context.Context, name string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		out, err := b.do(ctx, "events", "-o", "json", "po/"+name)
		if err != nil {
			return 0, err
		}
		at := map[string]time.Time{}
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			var e history.Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return 0, err
			}
			if _, seen := at[string(e.Type)]; !seen {
				at[string(e.Type)] = e.Time
			}
		}
		if end, ok := at["container.started"]; ok {
			return end.Sub(at["pod.placed"]), nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("pod %s has not started in a minute: see `cairn why po/%s`", name, name)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// serviceChange measures how soon the address of a service answers once its
// endpoint, a listener of the machine's own, was acknowledged by the API.
func (b *bed) serviceChange(ctx context.Context) error {
	l, err := net.Listen("tcp", "198.51.100.2:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	port := int32(l.Addr().(*net.TCPAddr).Port)
	var times []time.Duration
	for i := range 10 {
		name := fmt.Sprintf("s%d", i)
		svc, err := b.client.CoreV1().Services("default").Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		eps := &corev1.Endpoints{ObjectMeta: metav1.ObjectMeta{Name: name}, Subsets: []corev1.EndpointSubset{{ //nolint:staticcheck // the oldest way there is
			Addresses: []corev1.EndpointAddress{{IP: "198.51.100.2"}}, Ports: []corev1.EndpointPort{{Port: port}}}}}
		if _, err := b.client.CoreV1().Endpoints("default").Create(ctx, eps, metav1.CreateOptions{}); err != nil {
			return err
		}
		one := time.Now()
		for {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(svc.Spec.ClusterIP, "80"), time.Second)
			if err == nil {
				c.Close()
				break
			}
			if time.Since(one) > 30*time.Second {
				return fmt.Errorf("service %s does not answer at %s: %w", name, svc.Spec.ClusterIP, err)
			}
		}
		times = append(times, time.Since(one))
	}
	return say(Line{What: "service.change", Load: "a user's own Endpoints acknowledged, to the first connection through the service's address, from the machine's shell"}.spread(times))
}
