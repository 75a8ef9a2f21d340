package checks

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that prints as ***, wherever it is printed by accident.
type Secret string

const redacted = "***"

// Format keeps every verb from reaching the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText writes ***.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue writes ***.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
