package component

import "github.com/a-h/templ"

func inputType(t string) string {
	if t == "" {
		return "text"
	}
	return t
}

// completion keeps browsers from filling our fields with somebody's address.
func completion(c string) string {
	if c == "" {
		return "off"
	}
	return c
}

func spell(mono bool) string {
	if mono {
		return "false"
	}
	return "true"
}

func limits(f Field) templ.Attributes {
	if f.MaxLength == 0 {
		return nil
	}
	return templ.Attributes{"maxlength": num(f.MaxLength)}
}

// describedBy ties the error and the hint to the field, so that they are read
// aloud with it.
func describedBy(id string, f Field) templ.Attributes {
	attrs := templ.Attributes{}
	ids := ""
	if f.Error != "" {
		ids = id + "-error"
		attrs["aria-invalid"] = "true"
	}
	if f.Hint != "" {
		if ids != "" {
			ids += " "
		}
		ids += id + "-hint"
	}
	if ids != "" {
		attrs["aria-describedby"] = ids
	}
	return attrs
}
