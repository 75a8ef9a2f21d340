package store

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// copies makes deep copies of values that JSON decodes to. It works out once
// for each type where in it something could be shared.
type copies struct{ known sync.Map } // reflect.Type → separate

// separate replaces, in a value that was assigned from another, whatever the
// two still share. It is nil where an assignment shares nothing.
type separate func(reflect.Value)

func (c *copies) of(t reflect.Type) separate {
	if known, ok := c.known.Load(t); ok {
		return known.(separate)
	}
	made := c.make(t)
	c.known.Store(t, made)
	return made
}

func (c *copies) make(t reflect.Type) separate {
	switch t.Kind() {
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return nil // nobody can change what it points to
		}
		return c.ofStruct(t)
	case reflect.Slice:
		return ofSlice(t, c.of(t.Elem()))
	case reflect.Pointer:
		return ofPointer(t.Elem(), c.of(t.Elem()))
	case reflect.Map:
		return ofMap(t, c.of(t.Elem()))
	case reflect.Array, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		panic("store: a column of JSON holds a " + t.String() + ", which copies does not know how to copy")
	default:
		return nil
	}
}

func (c *copies) ofStruct(t reflect.Type) separate {
	fields, parts := []int{}, []separate{}
	for i := range t.NumField() {
		if part := c.of(t.Field(i).Type); part != nil {
			fields, parts = append(fields, i), append(parts, part)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return func(v reflect.Value) {
		for i, field := range fields {
			parts[i](v.Field(field))
		}
	}
}

func ofSlice(t reflect.Type, part separate) separate {
	if t.Elem().Kind() == reflect.Uint8 {
		return func(v reflect.Value) { v.SetBytes(slices.Clone(v.Bytes())) }
	}
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		own := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(own, v)
		if part != nil {
			for i := range own.Len() {
				part(own.Index(i))
			}
		}
		v.Set(own)
	}
}

func ofPointer(to reflect.Type, part separate) separate {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		own := reflect.New(to)
		own.Elem().Set(v.Elem())
		if part != nil {
			part(own.Elem())
		}
		v.Set(own)
	}
}

func ofMap(t reflect.Type, part separate) separate {
	if t == reflect.TypeFor[map[string]string]() { // by far the most, and reflection is slow here
		return func(v reflect.Value) {
			own := v.Addr().Interface().(*map[string]string)
			*own = maps.Clone(*own)
		}
	}
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		own := reflect.MakeMapWithSize(t, v.Len())
		value := reflect.New(t.Elem()).Elem()
		for each := v.MapRange(); each.Next(); {
			value.SetIterValue(each)
			if part != nil {
				part(value)
			}
			own.SetMapIndex(each.Key(), value)
		}
		v.Set(own)
	}
}
