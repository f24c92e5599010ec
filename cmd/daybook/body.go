package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"daybook/archive/message"
)

// storedBody is the message of an archived entry, which is read when it is asked for
// (ingest.Body). An error in reading is in err, and then the message looks shorter
// than it is.
type storedBody struct {
	ctx   context.Context
	store store
	id    uint64
	size  int64

	head []byte
	file *os.File // all of the message, when it was asked for and is not in head
	err  error
}

// Start gives the beginning of the message.
func (b *storedBody) Start() []byte {
	if b.head == nil {
		w := headWriter{head: []byte{}, most: message.MaxHeader}
		if err := b.store.WriteTo(b.ctx, b.id, &w); err != nil && !errors.Is(err, errEnough) {
			b.err = err
		}
		b.head = w.head
	}
	return b.head
}

// ReadAt reads from the message.
func (b *storedBody) ReadAt(p []byte, offset int64) (int, error) {
	if b.size <= message.MaxHeader {
		return bytes.NewReader(b.Start()).ReadAt(p, offset)
	}
	if b.file == nil {
		if err := b.spool(); err != nil {
			b.err = err
			return 0, err
		}
	}
	return b.file.ReadAt(p, offset)
}

// spool writes the message into a file without a name.
func (b *storedBody) spool() error {
	f, err := unnamedFile()
	if err != nil {
		return err
	}
	if err := b.store.WriteTo(b.ctx, b.id, f); err != nil {
		return errors.Join(err, f.Close())
	}
	b.file = f
	return nil
}

func (b *storedBody) close() {
	if b.file != nil {
		b.file.Close()
	}
}

// unnamedFile makes a temporary file that is gone when it is closed.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "daybook-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file: %w", err), f.Close())
	}
	return f, nil
}

// errEnough ends the reading of a message of which only the beginning is wanted.
var errEnough = errors.New("this much is enough")

// headWriter takes the beginning of what is written to it.
type headWriter struct {
	head []byte
	most int
}

// Write writes (io.Writer).
func (w *headWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.most-len(w.head))
	w.head = append(w.head, p[:n]...)
	if n < len(p) {
		return n, errEnough
	}
	return n, nil
}

// fileMessage is a message in a file (ingest.Body).
type fileMessage struct {
	fileBody
	head []byte
	size int64
}

// openMessage reads the beginning of a message's file.
func openMessage(path string) (*fileMessage, error) {
	const wayOut = "name a message's file, or the number of an entry"
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, refuse(path, reasonOf(err), wayOut)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, refuse(path, reasonOf(err), wayOut)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, message.MaxHeader))
	if err != nil {
		return nil, fail(path, reasonOf(err), "")
	}
	return &fileMessage{fileBody: fileBody(path), head: head, size: info.Size()}, nil
}

// Start gives the beginning of the message.
func (m *fileMessage) Start() []byte { return m.head }

// unknownBody is the message of which nothing is left but an event; it notes that it
// was asked for (ingest.Body).
type unknownBody struct{ asked bool }

// Start gives nothing.
func (b *unknownBody) Start() []byte {
	b.asked = true
	return nil
}

// ReadAt reads nothing.
func (b *unknownBody) ReadAt([]byte, int64) (int, error) {
	b.asked = true
	return 0, io.EOF
}
