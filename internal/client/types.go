package client

// The wire forms, as much of them as people look at. What is not here is in an
// Answer's Raw.

// List is a page of a list.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}
