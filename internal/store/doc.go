// Package store keeps everything, in SQLite or in PostgreSQL. It implements the
// storage ports of package slipway, the queue that wakes the engine, and the
// sessions of the browser surface.
//
// Rules of the house: no row type leaves the package; inside a transaction only
// its own handle is used; lists go by keyset, never by OFFSET; a duplicate is
// noticed with ON CONFLICT DO NOTHING rather than by an error, because on
// PostgreSQL an error would end the transaction and on SQLite it would not.
package store
