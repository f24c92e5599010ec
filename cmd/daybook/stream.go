package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"daybook/archive"
)

// A listing goes over the control socket as one JSON object a line: an item each,
// damage in place of an item that cannot be read, and at the end either the
// number of lines before it or an error. What stops without an end was broken off.
type frame[T any] struct {
	Item   *T         `json:"item,omitempty"`
	Damage *damage    `json:"damage,omitempty"`
	Lines  *uint64    `json:"lines,omitempty"`
	Error  *wireFault `json:"error,omitempty"`
}

// writeStream writes a sequence as a stream with its end. Damage does not end the
// sequence, any other error does. The error returned is that of w.
func writeStream[T any](w io.Writer, seq iter.Seq2[T, error]) error {
	lines := newLines(w)
	var n uint64
	for item, err := range seq {
		f := frame[T]{Item: &item}
		if err != nil {
			d, ok := errors.AsType[*archive.Damage](err)
			if !ok {
				return lines.Encode(frame[T]{Error: newWireFault(err)})
			}
			wire := newDamage(d)
			f = frame[T]{Damage: &wire}
		}
		n++
		if err := lines.Encode(f); err != nil {
			return err
		}
	}
	return lines.Encode(frame[T]{Lines: &n})
}

// readStream is the other side of writeStream.
func readStream[T any](r io.Reader) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var n uint64
		dec := json.NewDecoder(r)
		for more := true; more; n++ {
			var f frame[T]
			if err := dec.Decode(&f); err != nil {
				yield(none, fmt.Errorf("the daemon's answer broke off: %w", unexpectedEOF(err)))
				return
			}
			switch {
			case f.Item != nil:
				more = yield(*f.Item, nil)
			case f.Damage != nil:
				more = yield(none, f.Damage.err())
			case f.Error != nil:
				yield(none, f.Error.err())
				return
			case f.Lines == nil || *f.Lines != n:
				yield(none, errors.New("the daemon's answer is not complete"))
				return
			default:
				return
			}
		}
	}
}

func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
