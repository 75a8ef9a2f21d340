package slipway

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that prints as *** wherever it is printed by accident: %v,
// %+v, %#v, JSON, slog. Reveal is the only way to the value.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value. Call it where the value is handed over, not before.
func (s Secret) Reveal() string { return s.value }

const redacted = "***"

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }

// Format keeps every verb, %x and %q included, from reaching the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
