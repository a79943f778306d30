package daemon

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
)

func typesUID(s string) types.UID { return types.UID(s) }

func milli(n uint64) *resource.Quantity {
	return resource.NewMilliQuantity(int64(n), resource.DecimalSI)
}

func bytesOf(n uint64) *resource.Quantity { return resource.NewQuantity(int64(n), resource.BinarySI) }
