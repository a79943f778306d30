package tidy

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// The goals, in lines; a number better than its goal is good enough.
const (
	goalMedian   = 140 // "about 120"
	goalNinth    = 400 // nine files in ten are under it
	goalLongest  = 400
	goalFunction = 70
)

// Sizes are the numbers that the ratchet holds.
type Sizes struct {
	Median    int // lines of the middle file
	Ninth     int // lines of the file at nine tenths
	Longest   int // lines of the longest file
	Functions int // how many functions have more than goalFunction lines
}

// Measure returns the tree's sizes, test files included, and the names behind
// them: the files over goalLongest and the functions over goalFunction.
func Measure(t *Tree) (s Sizes, names []string) {
	var lines []int
	for _, f := range t.Go {
		n := f.Lines()
		lines = append(lines, n)
		if n > goalLongest {
			names = append(names, fmt.Sprintf("%s has %d lines: cut it in two by idea", f.Path, n))
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			long := f.Set.Position(fn.End()).Line - f.Set.Position(fn.Pos()).Line + 1
			if long > goalFunction {
				s.Functions++
				names = append(names, fmt.Sprintf("%s: %s has %d lines: name its steps", f.at(fn), fn.Name.Name, long))
			}
		}
	}
	if len(lines) == 0 {
		return s, names
	}
	slices.Sort(lines)
	s.Median, s.Ninth, s.Longest = lines[len(lines)/2], lines[len(lines)*9/10], lines[len(lines)-1]
	return s, names
}

// Worse says in which numbers s is over both the goal and what is tolerated.
func (s Sizes) Worse(tolerated Sizes) []string {
	var found []string
	check := func(what string, now, goal, tolerated int) {
		if limit := max(goal, tolerated); now > limit {
			found = append(found, fmt.Sprintf("%s: %d, and at most %d is tolerated (goal %d)", what, now, limit, goal))
		}
	}
	check("lines of the median file", s.Median, goalMedian, tolerated.Median)
	check("lines that nine files in ten are under", s.Ninth, goalNinth, tolerated.Ninth)
	check("lines of the longest file", s.Longest, goalLongest, tolerated.Longest)
	check(fmt.Sprintf("functions over %d lines", goalFunction), s.Functions, 0, tolerated.Functions)
	return found
}

// String is the form of sizes.txt; ParseSizes reads it.
func (s Sizes) String() string {
	return fmt.Sprintf("median %d\nninth %d\nlongest %d\nfunctions %d\n", s.Median, s.Ninth, s.Longest, s.Functions)
}

// ParseSizes reads what String wrote; lines that begin with # are left out.
func ParseSizes(text string) (Sizes, error) {
	var s Sizes
	into := map[string]*int{"median": &s.Median, "ninth": &s.Ninth, "longest": &s.Longest, "functions": &s.Functions}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, number, _ := strings.Cut(line, " ")
		at, ok := into[name]
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			return Sizes{}, fmt.Errorf("%q is no size: write it anew with -rewrite", line)
		}
		*at = n
	}
	return s, nil
}
