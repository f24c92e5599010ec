package archive

import (
	"crypto/sha256"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"
	"daybook/archive/recipe"
)

// plainEntry is one as a mail server hands it over.
func plainEntry(n int) *Entry {
	sum := sha256.Sum256(fmt.Append(nil, n))
	id := fmt.Sprintf("%x.%d@customer%d.example", sum[:12], 1_700_000_000+n, n%50)
	e := &Entry{
		ID: 7, Tenant: "default", Source: "lmtp", Received: time.Unix(1_700_000_000+int64(n), 987_654_321).UTC(), SHA256: sum,
		Envelope: message.Envelope{
			Sender:     message.Path{Address: fmt.Sprintf("anna.%d@example.com", n)},
			Recipients: []message.Path{{Address: fmt.Sprintf("bert.%d@customer%d.example", n, n%50)}},
			Client:     message.Client{Address: "127.0.0.1", Helo: "mail.example.com", Protocol: "LMTP"},
		},
		Summary: message.Summary{
			MessageID: "<" + id + ">", Subject: fmt.Sprintf("Offer %d for your office", n),
			From: fmt.Sprintf("Anna <anna.%d@example.com>", n), Date: 1_700_000_000 + int64(n) - 3,
		},
		Decision: Decision{Action: ActionArchive, Policy: Digest{1, 2, 3}},
		Identity: &Identity{Exact: sum, MessageID: id}, Join: Join{Window: 10 * time.Minute, Match: MatchContent},
		formula: &formula{
			contents: []contentRef{{Hash: sum, Size: 3000, Inline: true}}, literal: 1000,
			pieces: []sourced{{Piece: recipe.Piece{Wire: 1000, Stored: 1000}, from: text}, {Piece: recipe.Piece{Wire: 3000, Stored: 3000}, from: 0}},
		},
		Size: 4000,
	}
	copy(e.Identity.Canonical[:], sum[:len(half{})])
	return e
}

// Whatever an entry says is read back as it was.
func TestFactsComeBack(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(e *Entry){
		"plain":                    func(*Entry) {},
		"no identity":              func(e *Entry) { e.Identity, e.Join = nil, Join{} },
		"another mail inside":      func(e *Entry) { e.Identity.Exact, e.Identity.MessageID = Digest{9}, "other@x" },
		"no Message-ID":            func(e *Entry) { e.Identity.Canonical, e.Identity.MessageID = Digest{}, "" },
		"by Message-ID":            func(e *Entry) { e.Identity.Fields, e.Join.Match = Digest{7}, MatchMessageID },
		"no date":                  func(e *Entry) { e.Summary.Date = 0 },
		"a date long gone":         func(e *Entry) { e.Summary.Date = math.MinInt64 },
		"a date far ahead":         func(e *Entry) { e.Summary.Date = math.MaxInt64 },
		"before 1970":              func(e *Entry) { e.Received = time.Unix(-1, 5).UTC() },
		"another size than pieces": func(e *Entry) { e.Size = 1 << 40 },
		"no recipients":            func(e *Entry) { e.Envelope.Recipients = nil },
		"arguments": func(e *Entry) {
			e.Envelope.Sender.Args = []string{"SIZE=1", ""}
			e.Envelope.Recipients = []message.Path{{Address: "a"}, {Address: "", Args: []string{"NOTIFY=NEVER"}}, {Address: "\xff\x00"}}
		},
		"client and macros": func(e *Entry) {
			e.Envelope.Client, e.Envelope.QueueID = message.Client{}, "4XYZ"
			e.Envelope.Macros = map[string]map[string]string{"eom": {"i": "4XYZ", "": "\xfe"}}
		},
		"truth and decision": func(e *Entry) { e.Truth, e.Decision = sampleTruth("a", 9), sampleDecision(ActionArchive) },
		"no decision":        func(e *Entry) { e.Decision = Decision{} },
		"flags":              func(e *Entry) { e.Flags = []string{"one", "two"} },
		"half a content":     func(e *Entry) { e.formula.pieces[1].Stored, e.formula.pieces[1].Wire, e.Size = 0, 0, 1000 },
		"signed":             func(e *Entry) { e.formula = signedFormula(); e.Size = e.formula.size() },
		"nothing":            func(e *Entry) { e.formula, e.Size = &formula{}, 0 },
	} {
		want := plainEntry(1)
		change(want)
		want.text = element{as: textChained, start: 5, index: 1, size: want.formula.textSize(), data: []byte("data")}
		got, err := c.decodeEntry(ledger.Record{Seq: 7, Body: entryBody(t, c, want)})
		if err != nil || !reflect.DeepEqual(&got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, want)
		}
	}
}

// An entry that is cut short or was changed is an error, or another entry, and never
// more than that.
func TestFactsThatAreDamaged(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	e := plainEntry(1)
	facts, _, err := c.encodeFacts(e, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for n := range facts {
		if numbers, words, err := c.facts.unpack(facts[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read as %x and %x", n, len(facts), numbers, words)
		}
	}
	body := entryBody(t, c, e)
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			c.decodeEntry(ledger.Record{Seq: 7, Body: body})
			body[i] ^= 1 << bit
		}
	}
	facts[0] = 9
	if _, _, err := c.facts.unpack(facts); err == nil || !strings.Contains(err.Error(), "newer daybook") {
		t.Errorf("facts of a newer daybook: %v", err)
	}
	numbers := appendNumbers(nil, e)
	numbers[0] |= 1 << 7
	if err := new(Entry).readNumbers(numbers); err == nil || !strings.Contains(err.Error(), "newer daybook") {
		t.Errorf("numbers of a newer daybook: %v", err)
	}
}

// An entry costs little beside its message.
func TestFactsAreSmall(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for n := range 100 {
		facts, _, err := c.encodeFacts(plainEntry(n), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		total += len(facts)
	}
	if total > 100*270 {
		t.Errorf("the facts of an entry take %d bytes", total/100)
	}
}

func BenchmarkFacts(b *testing.B) {
	c, err := newCodec()
	if err != nil {
		b.Fatal(err)
	}
	e := plainEntry(1)
	for b.Loop() {
		if _, _, err := c.encodeFacts(e, nil, false); err != nil {
			b.Fatal(err)
		}
	}
}
