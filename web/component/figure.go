package component

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Figure is a check of a release with what was measured.
type Figure struct {
	State  State
	Name   string
	Word   string // "passed", "failed", "at work", "asks a person"
	Kind   string // "metric", "http"
	Phase  string // in which it was made
	Note   string // the newest answer, or what decided it
	Counts string // "9 good, 1 bad"
	Rule   string // "result < 0.01"
	Points []Point
}

// Point is one measurement. Value and Stable are NaN where there is no number.
type Point struct {
	At     time.Time
	State  State // Live, Failed, Unknown
	Value  float64
	Stable float64 // of what is live, to compare with
	Text   string
}

// The size of a chart in its own units; it scales as a whole.
const (
	chartWidth  = 640.0
	chartHeight = 120.0
	chartEdge   = 8.0 // room for the marks at its borders
)

// chart is a figure's points as SVG draws them.
type chart struct {
	Line, StableLine string
	Marks            []mark
	Top, Bottom      string // values at the borders
	From, To         time.Time
}

type mark struct {
	X, Y, Kind string // kind: pass, fail, open
	Title      string
}

// drawn reports whether there is a line to draw.
func (f Figure) drawn() bool {
	n := 0
	for _, p := range f.Points {
		if !math.IsNaN(p.Value) {
			n++
		}
	}
	return n > 1
}

func (f Figure) chart(zone *time.Location) chart {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range f.Points {
		for _, v := range []float64{p.Value, p.Stable} {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	low = min(low, 0) // a chart that does not begin at zero exaggerates
	if high <= low {
		high = low + 1
	}
	first, last := f.Points[0].At, f.Points[len(f.Points)-1].At
	span := max(last.Sub(first), time.Second)
	x := func(p Point) float64 {
		return chartEdge + (chartWidth-2*chartEdge)*float64(p.At.Sub(first))/float64(span)
	}
	y := func(v float64) float64 {
		return chartHeight - chartEdge - (chartHeight-2*chartEdge)*(v-low)/(high-low)
	}
	c := chart{Top: figure(high), Bottom: figure(low), From: first, To: last}
	var line, stable []string
	for _, p := range f.Points {
		if !math.IsNaN(p.Stable) && !math.IsInf(p.Stable, 0) {
			stable = append(stable, place(x(p), y(p.Stable)))
		}
		if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			c.Marks = append(c.Marks, mark{X: unit(x(p)), Y: unit(chartHeight - chartEdge), Kind: "open", Title: p.title(zone)})
			continue
		}
		line = append(line, place(x(p), y(p.Value)))
		kind := "pass"
		switch p.State {
		case Failed:
			kind = "fail"
		case Unknown:
			kind = "open"
		}
		c.Marks = append(c.Marks, mark{X: unit(x(p)), Y: unit(y(p.Value)), Kind: kind, Title: p.title(zone)})
	}
	c.Line, c.StableLine = strings.Join(line, " "), strings.Join(stable, " ")
	return c
}

func (p Point) title(zone *time.Location) string {
	text := p.At.In(zone).Format("15:04:05 MST")
	if p.Text != "" {
		text += ": " + p.Text
	}
	return text
}

// label says in words what the chart shows, for those who do not see it.
func (f Figure) label() string {
	last := f.Points[len(f.Points)-1]
	text := f.Name + ": " + Count(len(f.Points), "measurement")
	if !math.IsNaN(last.Value) {
		text += ", the last " + figure(last.Value)
	}
	if !math.IsNaN(last.Stable) {
		text += " beside " + figure(last.Stable) + " of what is live"
	}
	return text + ". " + f.Word
}

func (f Figure) compares() bool {
	for _, p := range f.Points {
		if !math.IsNaN(p.Stable) {
			return true
		}
	}
	return false
}

func place(x, y float64) string { return unit(x) + "," + unit(y) }

func unit(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// figure is a number as people read it: three digits that matter.
func figure(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e6 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
