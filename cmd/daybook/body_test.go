package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"daybook/archive"
	"daybook/archive/message"
)

// pieceStore writes a message in pieces, and counts what of it was taken.
type pieceStore struct {
	store
	message []byte
	taken   int
	broken  error // in place of the end
}

func (s *pieceStore) WriteTo(_ context.Context, _ uint64, w io.Writer) error {
	for piece := range slices.Chunk(s.message, 100_000) {
		n, err := w.Write(piece)
		s.taken += n
		if err != nil {
			return fmt.Errorf("message 1: %w", err)
		}
	}
	return s.broken
}

// Of a message no more is read than is asked for, however large it is.
func TestStoredBody(t *testing.T) {
	for _, size := range []int{0, 1, message.MaxHeader - 1, message.MaxHeader, message.MaxHeader + 1, 5 * message.MaxHeader} {
		text := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		s := &pieceStore{message: text}
		b := &storedBody{ctx: t.Context(), store: s, id: 1, size: int64(size)}
		defer b.close()
		if s.taken != 0 {
			t.Errorf("%d bytes: it is read before it is asked for", size)
		}
		head := text[:min(size, message.MaxHeader)]
		for range 2 {
			if got := b.Start(); !bytes.Equal(got, head) || b.err != nil {
				t.Errorf("%d bytes: the beginning has %d, %v", size, len(got), b.err)
			}
		}
		if s.taken > len(head) {
			t.Errorf("%d bytes: %d were read for the beginning", size, s.taken)
		}
		all, err := io.ReadAll(io.NewSectionReader(b, 0, int64(size)))
		if err != nil || !bytes.Equal(all, text) {
			t.Errorf("%d bytes: %d were read, %v", size, len(all), err)
		}
		if n, err := b.ReadAt(make([]byte, 10), int64(size)-1); size > 0 && (n != 1 || !errors.Is(err, io.EOF)) {
			t.Errorf("%d bytes: at the end %d were read, %v", size, n, err)
		}
	}
}

// Damage is not taken for a short message.
func TestStoredBodyDamaged(t *testing.T) {
	for _, size := range []int{10, 5 * message.MaxHeader} {
		s := &pieceStore{message: make([]byte, 5), broken: &archive.Damage{Entry: 1, Reason: "checksum"}}
		for name, read := range map[string]func(*storedBody){
			"Start":  func(b *storedBody) { b.Start() },
			"ReadAt": func(b *storedBody) { _, _ = b.ReadAt(make([]byte, 10), 0) },
		} {
			b := &storedBody{ctx: t.Context(), store: s, id: 1, size: int64(size)}
			defer b.close()
			if read(b); !isDamage(b.err) {
				t.Errorf("%s of %d bytes: %v", name, size, b.err)
			}
		}
	}
}
