package store

import (
	"encoding/json"
	"reflect"
	"sync"
)

// maxDecoded bounds what is remembered, in bytes of the keys and of the texts
// that were decoded. What they decode to is about twice as long.
const maxDecoded = 16 << 20

// maxShare is how much of it one may have: a plan may hold megabytes that its
// deployer prepared, and thousands of others are worth more.
const maxShare = maxDecoded / 64

// decoded remembers what JSON decodes to: the same plans, specs and pipelines
// are read again and again, and decoding takes longer than reading. The key is
// the text itself, or the digest of it, so what is found is what decoding would
// give, whatever became of the rows meanwhile. Everybody gets a copy of their
// own and may change it.
//
// What has to go is picked at random: the engine walks through all stages every
// few seconds, and in an order of use that would push out everything else.
type decoded struct {
	copies copies
	mu     sync.RWMutex
	size   int
	values map[decodedKey]decodedValue
}

type decodedKey struct {
	kind reflect.Type
	text string
}

type decodedValue struct {
	value any // *T, which nobody changes any more
	size  int
}

// decode sets out to what text holds, or to what is known by the key. Without a
// memory it only decodes.
func decode[T any](known *decoded, key, text string, out *T) error {
	if known == nil {
		return json.Unmarshal([]byte(text), out)
	}
	if shared, ok := find[T](known, key); ok {
		*out = copyOf(known, *shared)
		return nil
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		return err
	}
	keep(known, key, *out, len(key)+len(text))
	return nil
}

// keep remembers a copy of a value that was decoded from so many bytes.
func keep[T any](known *decoded, key string, value T, size int) {
	if size > maxShare {
		return
	}
	own := copyOf(known, value)
	known.add(decodedKey{reflect.TypeFor[T](), key}, decodedValue{&own, size})
}

// find returns the shared value, to look at and to make copies of.
func find[T any](known *decoded, key string) (*T, bool) {
	known.mu.RLock()
	defer known.mu.RUnlock()
	found, ok := known.values[decodedKey{reflect.TypeFor[T](), key}]
	if !ok {
		return nil, false
	}
	return found.value.(*T), true
}

// copyOf returns a value that shares nothing with the one it is made of.
func copyOf[T any](known *decoded, value T) T {
	if part := known.copies.of(reflect.TypeFor[T]()); part != nil {
		part(reflect.ValueOf(&value).Elem())
	}
	return value
}

func (d *decoded) add(key decodedKey, value decodedValue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.values[key]; known {
		return
	}
	if d.values == nil {
		d.values = map[decodedKey]decodedValue{}
	}
	d.values[key] = value
	d.size += value.size
	for other, v := range d.values { // which come in no order
		if d.size <= maxDecoded {
			return
		}
		delete(d.values, other)
		d.size -= v.size
	}
}
