// Package component holds the parts that pages are made of: glyphs, rows,
// fields, the station line. Each takes plain values and renders what it was
// given; none of them knows a domain type, decides a permission or reads a clock.
package component
