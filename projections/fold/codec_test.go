package fold

import (
	"reflect"
	"testing"
)

// fillIn gives every field reachable from v a value, so that a field which a
// message forgot to list shows.
func fillIn(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillIn(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fillIn(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillIn(v.Index(0), n)
		fillIn(v.Index(1), n)
	case reflect.String:
		v.SetString("s" + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	}
}

func TestEveryProjectedFieldIsWrittenAndRead(t *testing.T) {
	p, n := new(Projected), 0
	fillIn(reflect.ValueOf(p).Elem(), &n)
	got, err := DecodeProjected(EncodeProjected(p))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, got) {
		t.Fatalf("wrote %+v\nread  %+v", p, got)
	}
}
