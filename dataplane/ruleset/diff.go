package ruleset

// Op is one change of the kernel's elements.
type Op struct {
	Delete  bool // else add
	Element Element
}

// Diff is what turns the elements of old into those of new: all deletions
// first, then all additions, each in the elements' order. An element whose
// data changed is deleted and added, as the kernel refuses to overwrite.
// It costs one pass over both.
func Diff(old, new Ruleset) []Op {
	var gone, come []Op
	a, b := old.Elements, new.Elements
	for len(a) > 0 || len(b) > 0 {
		var c int
		switch {
		case len(a) == 0:
			c = 1
		case len(b) == 0:
			c = -1
		case a[0] == b[0]:
			a, b = a[1:], b[1:]
			continue
		default:
			c = order(a[0], b[0])
		}
		if c <= 0 {
			gone = append(gone, Op{Delete: true, Element: a[0]})
			a = a[1:]
		}
		if c >= 0 {
			come = append(come, Op{Element: b[0]})
			b = b[1:]
		}
	}
	return append(gone, come...)
}
