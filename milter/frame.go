package milter

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	gomilter "github.com/emersion/go-milter"
)

const (
	// maxFrame bounds a frame's claimed length: code and payload. MTAs send
	// body chunks of 65535 bytes unless a filter asks for more.
	maxFrame = 1 << 20

	// maxCommand bounds frames that hold no piece of the message.
	maxCommand = 64 << 10

	// firstRead is how much memory a frame gets before any of it has arrived.
	firstRead = 64 << 10

	scratchSize = 4 << 10
	bufferSize  = 16 << 10
)

// frame is one command of the MTA.
type frame struct {
	code    gomilter.Code
	payload []byte
}

// frameReader reads frames: a length of 32 bits, then as many bytes, the first
// of which is the command's code.
type frameReader struct {
	in      *bufio.Reader
	scratch [scratchSize]byte
	rooms   *sync.Pool       // of *[firstRead]byte, for pieces of messages
	room    *[firstRead]byte // that the last frame's payload stands in, or nil
}

func newFrameReader(rooms *sync.Pool) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(nil, bufferSize), rooms: rooms}
}

// reset begins to read from another connection.
func (r *frameReader) reset(in io.Reader) {
	r.release()
	r.in.Reset(in)
}

// release gives the memory of the last frame back.
func (r *frameReader) release() {
	if r.room != nil {
		r.rooms.Put(r.room)
		r.room = nil
	}
}

// wait blocks until a frame begins. It returns io.EOF if the peer has closed
// the connection between two frames.
func (r *frameReader) wait() error {
	_, err := r.in.Peek(1)
	return err
}

// read returns the next frame. Its payload is valid until the next read, or
// release. An end inside a frame is io.ErrUnexpectedEOF.
func (r *frameReader) read() (frame, error) {
	r.release()
	var header [5]byte
	if _, err := io.ReadFull(r.in, header[:4]); err != nil {
		return frame{}, err
	}
	length := binary.BigEndian.Uint32(header[:4])
	if length == 0 || length > maxFrame {
		return frame{}, fmt.Errorf("frame claims %d bytes, must be 1 to %d", length, maxFrame)
	}
	if _, err := io.ReadFull(r.in, header[4:]); err != nil {
		return frame{}, midFrame(err)
	}
	f := frame{code: gomilter.Code(header[4])}
	isBody := f.code == gomilter.CodeBody || f.code == gomilter.CodeEOB
	if length > maxCommand && !isBody && f.code != gomilter.CodeHeader {
		return frame{}, fmt.Errorf("command %q claims %d bytes, at most %d", byte(f.code), length, maxCommand)
	}
	size := int(length) - 1
	var err error
	if size <= scratchSize {
		f.payload = r.scratch[:size]
		_, err = io.ReadFull(r.in, f.payload)
	} else {
		f.payload, err = r.readLarge(size)
	}
	if err != nil {
		return frame{}, midFrame(err)
	}
	return f, nil
}

// readLarge reads size bytes into a room that was used before, and what is more
// than fits there into memory of its own, which grows with what has arrived and
// not with what was claimed.
func (r *frameReader) readLarge(size int) ([]byte, error) {
	if r.room, _ = r.rooms.Get().(*[firstRead]byte); r.room == nil {
		r.room = new([firstRead]byte)
	}
	buf := r.room[:min(size, firstRead)]
	for have := 0; ; {
		n, err := io.ReadFull(r.in, buf[have:])
		have += n
		if err != nil || have == size {
			return buf, err
		}
		grown := make([]byte, min(size, 4*have))
		copy(grown, buf)
		buf = grown
	}
}

// midFrame makes an end of file one that was not expected.
func midFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
