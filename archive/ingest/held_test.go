package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"daybook/archive"
	"daybook/archive/message"

	"github.com/cespare/xxhash/v2"
)

// A client that goes while its message waits for room is no trouble of the source, and
// nothing of it is left.
func TestAbortedWhileWaiting(t *testing.T) {
	h := newHouse(t, archive.Options{})
	h.ingest.listenerPatience = time.Hour
	b := h.ingest.budget
	all := holdOf(t, b, b.limit-b.limit/smallShare)
	c := dialLMTP(t, serveLMTP(t, h))
	defer c.Close()
	begin := "MAIL FROM:<a@example.com> SIZE=3000000\r\nRCPT TO:<b@example.com>\r\nBDAT 0\r\n"
	if reply := c.say(begin, 3); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	for b.waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	if reply := c.say("RSET\r\n", 1); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	st := h.status(t, "lmtp")
	if st.Counts["aborted"] != 1 || st.Counts["tempfailed"] != 0 || st.InFlight != 0 || st.State != StateAwaiting {
		t.Errorf("%+v", st)
	}
	if f := h.ingest.InFlight(); f.Bytes != all.taken || f.Waiting != 0 || f.Refused != 0 {
		t.Errorf("%+v", f)
	}
}

// trap is a body that panics when it is read.
type trap struct{ io.ReaderAt }

// A panic while an original is decoded leaves nothing of it behind.
func TestPanicGivesBack(t *testing.T) {
	h := newHouse(t, archive.Options{})
	hold := h.ingest.budget.begin(context.Background(), 0)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		h.ingest.decode(&mail{body: trap{}, size: 100, hold: hold}, &message.Original{End: 100, Encoding: "base64"})
	}()
	hold.end()
	if f := h.ingest.InFlight(); f.Bytes != 0 {
		t.Errorf("%d bytes are held", f.Bytes)
	}
	if hold.used != 0 {
		t.Errorf("%d bytes are used", hold.used)
	}
}

// What a spool has in memory stays within what it takes of the budget for that, also
// when bytes come in large pieces.
func TestSpoolOfLargePieces(t *testing.T) {
	h := newHouse(t, archive.Options{})
	s := h.ingest.newSpool(0, nil)
	defer s.close()
	text := strings.Repeat("0123456789", 300_000)
	if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("%d bytes: %v", n, err)
	}
	if n := cap(s.mem) + cap(s.head); n > fileBuffers {
		t.Errorf("%d bytes in memory", n)
	}
	if err := s.finish(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(s, 0, s.size))
	if err != nil || string(got) != text || !strings.HasPrefix(text, string(s.Start())) || len(s.Start()) < message.MaxHeader {
		t.Errorf("%d bytes came back: %v", len(got), err)
	}
}

// A message in memory stands in the smallest room that is enough, and its room is used
// again.
func TestRooms(t *testing.T) {
	for n, want := range map[int]int{
		0: firstRoom, firstRoom: firstRoom, firstRoom + 1: firstRoom / 4 * 5, 2*firstRoom + 1: firstRoom / 2 * 5, spoolMemory: lastRoom, lastRoom: lastRoom, lastRoom + 1: lastRoom + 1,
	} {
		var r rooms
		room := r.get(n)
		if len(room) != 0 || cap(room) != want {
			t.Errorf("for %d bytes there is a room of %d with %d in it, and not one of %d", n, cap(room), len(room), want)
		}
		r.put(append(room, "of another message"[:min(n, 18)]...))
		if again := r.get(n); len(again) != 0 || cap(again) != want {
			t.Errorf("for %d bytes there is again a room of %d with %d in it", n, cap(again), len(again))
		}
	}
}

// A message that goes to a file stands until then in a room that others can use again,
// in whatever chunks it comes.
func TestRoomOfMessageForAFile(t *testing.T) {
	for _, declared := range []int64{0, spoolMemory, 2 * spoolMemory} {
		for _, chunk := range []int{1, 4093, 65535, 2 * spoolMemory} {
			var r rooms
			flushed := 0
			var s *spool
			s = newSpool(t.TempDir(), 0, func() error {
				if flushed++; flushed == 1 && cap(s.mem) != lastRoom {
					t.Errorf("%d bytes are declared and %d come at once: they had a room of %d", declared, chunk, cap(s.mem))
				}
				return nil
			}, &r)
			s.declared = declared
			for part := range slices.Chunk(make([]byte, 2*spoolMemory), chunk) {
				if n, err := s.Write(part); n != len(part) || err != nil {
					t.Fatalf("%d of %d bytes: %v", n, len(part), err)
				}
			}
			if flushed == 0 {
				t.Errorf("%d bytes are declared and %d come at once: there is no file", declared, chunk)
			}
			s.close()
		}
	}
}

// The room for a message that says its size is at most about a quarter more than it takes
// of the budget.
func TestRoomOfDeclaredSizes(t *testing.T) {
	h := newHouse(t, archive.Options{})
	all := make([]byte, spoolMemory)
	for size := int64(firstRoom); size <= spoolMemory; size += 1777 {
		hold := h.ingest.budget.begin(context.Background(), 0)
		s := h.ingest.newSpool(0, hold)
		s.declared = size
		if _, err := s.ReadFrom(bytes.NewReader(all[:size])); err != nil {
			t.Fatal(err)
		}
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		if room := int64(cap(s.mem)); room > (hold.taken+leastRoom)*5/4 {
			t.Errorf("a message of %d bytes has a room of %d, and takes %d of the budget", size, room, hold.taken)
		}
		s.reuse()
		hold.end()
	}
}

// Messages about as large as what is held in memory come back, by both ways in.
func TestSpoolAtItsBounds(t *testing.T) {
	h := newHouse(t, archive.Options{})
	all := make([]byte, 3*spoolMemory)
	for i := range all {
		all[i] = byte(i*i>>5 + i)
	}
	for _, size := range []int{0, 1, firstRoom - 1, firstRoom, firstRoom + 1, startSize - 1, startSize, startSize + 1, spoolMemory - leastRoom,
		spoolMemory - 1, spoolMemory, spoolMemory + 1, lastRoom, lastRoom + 1, spoolMemory + fileChunk, spoolMemory + fileChunk + 1, len(all)} {
		for _, written := range []bool{false, true} {
			s := h.ingest.newSpool(0, nil)
			var err error
			if written {
				_, err = s.Write(all[:size])
			} else {
				_, err = s.ReadFrom(iotest.OneByteReader(bytes.NewReader(all[:min(size, 100)])))
				if err == nil {
					_, err = s.ReadFrom(bytes.NewReader(all[min(size, 100):size]))
				}
			}
			if err == nil {
				err = s.finish()
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.NewSectionReader(s, 0, s.size))
			if err != nil || !bytes.Equal(got, all[:size]) || s.digest() != sha256.Sum256(all[:size]) || s.sum.Sum64() != xxhash.Sum64(all[:size]) {
				t.Errorf("%d bytes, written %v: others came back, error %v", size, written, err)
			}
			if !bytes.Equal(s.Start(), all[:min(size, startSize)]) {
				t.Errorf("%d bytes, written %v: %d begin it", size, written, len(s.Start()))
			}
			if inMemory := s.file == nil; inMemory != (size <= spoolMemory) || inMemory && !bytes.Equal(s.Bytes(), all[:size]) {
				t.Errorf("%d bytes, written %v: in memory %v", size, written, inMemory)
			}
			s.reuse()
		}
	}
}

// Large rooms are kept for the messages that follow, but not more of them than a few.
func TestLargeRooms(t *testing.T) {
	var r rooms
	const many = 3 * keptRooms / smallRoom
	for range many {
		r.put(make([]byte, 0, roomSize(roomSizes-3)))
	}
	if r.kept > keptRooms || r.kept < keptRooms-roomSize(roomSizes-3) || r.kept != len(r.large)*roomSize(roomSizes-3) {
		t.Errorf("%d rooms with %d bytes are kept, of at most %d", len(r.large), r.kept, keptRooms)
	}
	before := r.kept
	room := r.get(roomSize(roomSizes-3) - 1)
	if cap(room) != roomSize(roomSizes-3) || len(room) != 0 || r.kept != before-cap(room) {
		t.Errorf("a room of %d with %d in it; %d bytes are kept, and %d were", cap(room), len(room), r.kept, before)
	}
	if room = r.get(lastRoom); cap(room) != lastRoom || r.kept != before-roomSize(roomSizes-3) {
		t.Errorf("for another size a room of %d", cap(room))
	}
}
