package kinds

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestServiceEnvIsKubernetes(t *testing.T) {
	env := map[string]string{}
	ServiceEnv(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "redis-master"}, Spec: corev1.ServiceSpec{ClusterIP: "10.67.0.11", Ports: []corev1.ServicePort{{Port: 6379, Protocol: "TCP"}}}}, env)
	for k, v := range map[string]string{"REDIS_MASTER_SERVICE_HOST": "10.67.0.11", "REDIS_MASTER_SERVICE_PORT": "6379", "REDIS_MASTER_PORT": "tcp://10.67.0.11:6379",
		"REDIS_MASTER_PORT_6379_TCP_ADDR": "10.67.0.11"} {
		if env[k] != v {
			t.Errorf("%s is %q, want %q", k, env[k], v)
		}
	}
}
