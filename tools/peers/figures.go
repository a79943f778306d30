package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Figures are what one measure gave for one peer, by name. Names end with the
// unit: _per_s, _ms, _mb, or nothing for counts.
type Figures map[string]float64

// line is one measurement of all peers.
type line struct {
	What   string             `json:"what"`
	Load   string             `json:"load"`
	Others float64            `json:"others"` // CPU share used by neither servers nor clients
	Kube   Figures            `json:"kube,omitempty"`
	Cairn  Figures            `json:"cairn,omitempty"`
	Ratio  map[string]float64 `json:"ratio,omitempty"` // cairn's to kube's
}

// sample is what one turn of one peer gave.
type sample struct {
	n     int
	took  time.Duration
	cpu   time.Duration // of its servers
	times []time.Duration
	peak  int64 // bytes resident at most; 0: not looked at
	bytes int64 // received; 0: not counted
}

// add puts a later turn to it.
func (s *sample) add(t sample) {
	s.n, s.took, s.cpu = s.n+t.n, s.took+t.took, s.cpu+t.cpu
	s.times = append(s.times, t.times...)
	s.peak, s.bytes = max(s.peak, t.peak), s.bytes+t.bytes
}

// figures turns turns into figures; rates and CPU only where many were done.
func (s *sample) figures() Figures {
	f := Figures{}
	if s.n > 10 && s.took > 0 {
		f["rate_per_s"] = float64(s.n) / s.took.Seconds()
	}
	if s.n > 0 {
		f["cpu_ms"] = millis(s.cpu) / float64(s.n)
	}
	if len(s.times) > 0 {
		f["p50_ms"], f["p99_ms"] = millis(quantile(s.times, 0.5)), millis(quantile(s.times, 0.99))
	}
	if s.peak > 0 {
		f["peak_mb"] = megabytes(s.peak)
	}
	if s.bytes > 0 {
		f["received_mb"] = megabytes(s.bytes) / float64(max(s.n, 1))
	}
	return f
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// quantile is the nearest-rank quantile; times are sorted in place.
func quantile(times []time.Duration, q float64) time.Duration {
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}

// ratios divides each of cairn's figures by the other's, where both are there.
func ratios(cairn, kube Figures) map[string]float64 {
	r := map[string]float64{}
	for name, of := range cairn {
		if to := kube[name]; to != 0 {
			r[name] = round(of / to)
		}
	}
	return r
}

// say prints a line; what it holds is rounded to what the measure can tell.
func (l line) say(out io.Writer) error {
	if l.Kube != nil && l.Cairn != nil {
		l.Ratio = ratios(l.Cairn, l.Kube)
	}
	for _, f := range []Figures{l.Kube, l.Cairn} {
		for k, v := range f {
			f[k] = round(v)
		}
	}
	l.Others = round(l.Others)
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", b)
	return err
}

func round(v float64) float64 {
	unit := 1000.0
	if v >= 100 {
		unit = 10
	}
	return float64(int64(v*unit+0.5)) / unit
}
