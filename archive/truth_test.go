package archive

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2"
)

// sampleTruth is what a report says of a mail to three, one of them by a list. Its
// original is the second half of a message of size bytes.
func sampleTruth(name string, size int64) *message.Truth {
	return &message.Truth{
		Evidence: message.EvidenceReport, Kind: "exchange", Sender: name + "@Example.com", OnBehalfOf: name + "-boss@example.com",
		Recipients: []message.Recipient{
			{Address: name + "-to@example.org", Class: message.ClassTo},
			{Address: name + "-bcc@example.org", Class: message.ClassBcc},
			{Address: name + "-member@example.org", Class: message.ClassUnknown, History: message.HistoryExpanded, From: name + "-list@example.org"},
		},
		Subject: "gr\xfc\xdfe", MessageID: "<" + name + "@inside>", Label: "secret",
		Originals: []message.Original{{Start: size / 2, End: size}},
	}
}

func TestTruthsAreKept(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	many := &message.Truth{Evidence: message.EvidenceFields, Kind: "header"}
	for i := range maxRecipients {
		many.Recipients = append(many.Recipients, message.Recipient{
			Address: fmt.Sprintf("r%d@example.org", i), Class: message.ClassUnknown, History: message.HistoryExpanded, From: fmt.Sprintf("list%d@x", i/3),
		})
	}
	want := map[uint64]*message.Truth{}
	for _, truth := range []*message.Truth{
		nil, {}, {Evidence: message.EvidenceHeader}, sampleTruth("a", 500), many,
		{Evidence: "another one", Recipients: []message.Recipient{{}, {Class: "cc"}, {Address: "\xff", History: "lost"}, {Address: "\xff", History: "lost"}, {Address: "\xff"}}},
		{Originals: []message.Original{{End: 500, Encoding: "base64", Protected: true}, {Start: 500, End: 500, Decrypted: true}}},
	} {
		r := receipt(noise(500, 1), "a@b", "c@d")
		r.Truth = truth
		e := appendOne(t, a, r)
		if !reflect.DeepEqual(e.Truth, truth) || len(e.Flags) != 0 {
			t.Errorf("at once: got %+v, flags %q, want %+v", e.Truth, e.Flags, truth)
		}
		want[e.ID] = truth
	}
	a.Close()
	a = open(t, dir, Options{ReadOnly: true})
	for id, truth := range want {
		if e, err := a.Entry(id); err != nil || !reflect.DeepEqual(e.Truth, truth) {
			t.Errorf("got %+v, %v\nwant %+v", e.Truth, err, truth)
		}
	}
	verified(t, a)
}

// The members of a list take little more room than their addresses.
func TestTruthIsCompact(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	e := Entry{Truth: &message.Truth{}, formula: &formula{}}
	bare, _, err := c.encodeFacts(&e, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	text := 0
	for i := range 10_000 {
		r := message.Recipient{
			Address: fmt.Sprintf("somebody.%d@example.org", i), Class: message.ClassTo, History: message.HistoryExpanded, From: "everybody@example.org",
		}
		text += len(r.Address)
		e.Truth.Recipients = append(e.Truth.Recipients, r)
	}
	full, _, err := c.encodeFacts(&e, nil, false)
	if more := len(full) - len(bare); err != nil || more > text+2*10_000+200 {
		t.Errorf("10,000 addresses of %d bytes take %d bytes, %v", text, more, err)
	}
}

// What is said about a mail keeps no mail out.
func TestTruthThatIsTooLarge(t *testing.T) {
	recipients := func(n, length int, from ...string) (list []message.Recipient) {
		for i := range n {
			r := message.Recipient{Address: fmt.Sprintf("%0*d", length, i)}
			if len(from) > 0 {
				r.From = from[i%len(from)]
			}
			list = append(list, r)
		}
		return list
	}
	long := strings.Repeat("x", maxText+1)
	list, other := strings.Repeat("l", 4096), strings.Repeat("o", 4096)
	a := open(t, t.TempDir(), Options{})
	for _, c := range []struct {
		name      string
		truth     message.Truth
		kept      int // of the recipients
		originals int
		cut       bool
	}{
		{"as large as may be", message.Truth{Recipients: recipients(maxRecipients, 300), Subject: long[1:]}, maxRecipients, 0, false},
		{"one list of many", message.Truth{Recipients: recipients(maxRecipients, 20, list)}, maxRecipients, 0, false},
		{"too many", message.Truth{Recipients: recipients(maxRecipients+1, 3)}, maxRecipients, 0, true},
		{"too long", message.Truth{Recipients: recipients(maxRecipients, 4096)}, maxRecipientText / 4096, 0, true},
		{"too long lists", message.Truth{Recipients: recipients(maxRecipients, 4096, list, other)}, maxRecipientText / 8192, 0, true},
		{"texts", message.Truth{Kind: long, Sender: long, OnBehalfOf: long, Subject: long, MessageID: long, Label: long}, 0, 0, true},
		{"ranges", message.Truth{Originals: []message.Original{{Start: -1, End: 2}, {Start: 1, End: 4}, {Start: 1, End: 5}, {Start: 3, End: 2}}}, 0, 1, true},
		{"originals", message.Truth{Originals: make([]message.Original, maxOriginals+1)}, 0, maxOriginals, true},
	} {
		r := receipt([]byte("mail"), "a@b", "c@d")
		r.Truth, r.Flags = &c.truth, []string{"odd"}
		before := c.truth
		id := appendOne(t, a, r).ID
		e, err := a.Entry(id)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(c.truth, before) || len(r.Flags) != 1 {
			t.Errorf("%s: the receipt was changed", c.name)
		}
		if n := len(e.Truth.Recipients); n != c.kept || n > 0 && !reflect.DeepEqual(e.Truth.Recipients, c.truth.Recipients[:n]) {
			t.Errorf("%s: %d recipients are kept, want %d", c.name, n, c.kept)
		}
		for _, text := range []string{e.Truth.Kind, e.Truth.Sender, e.Truth.OnBehalfOf, e.Truth.Subject, e.Truth.MessageID, e.Truth.Label} {
			if len(text) > maxText {
				t.Errorf("%s: a text of %d bytes is kept", c.name, len(text))
			}
		}
		if len(e.Truth.Originals) != c.originals || slices.Contains(e.Flags, FlagTruthCut) != c.cut || e.Flags[0] != "odd" {
			t.Errorf("%s: originals %v, flags %q", c.name, e.Truth.Originals, e.Flags)
		}
		if string(body(t, a, id)) != "mail" {
			t.Errorf("%s: other bytes came back", c.name)
		}
	}
	verified(t, a)
}

func TestWhoSentAndReceived(t *testing.T) {
	envelope := message.Envelope{
		Sender: message.Path{Address: "bounce@x"}, Recipients: []message.Path{{Address: "journal@y"}, {Address: "two@y"}},
	}
	by := []message.Recipient{{Address: "journal@y", Class: message.ClassUnknown}, {Address: "two@y", Class: message.ClassUnknown}}
	report := sampleTruth("a", 0)
	for _, c := range []struct {
		name       string
		truth      *message.Truth
		sender     string
		recipients []message.Recipient
		evidence   message.Evidence
	}{
		{"plain mail", nil, "bounce@x", by, message.EvidenceEnvelope},
		{"an envelope that is believed", &message.Truth{Evidence: message.EvidenceEnvelope, Kind: "none"}, "bounce@x", by, message.EvidenceEnvelope},
		{"no evidence", &message.Truth{Sender: "a@x"}, "bounce@x", by, message.EvidenceEnvelope},
		{"report", report, report.Sender, report.Recipients, message.EvidenceReport},
		{"report that names nobody", &message.Truth{Evidence: message.EvidenceReport}, "", nil, message.EvidenceReport},
		{"header", &message.Truth{Evidence: message.EvidenceHeader, Sender: "a@x"}, "a@x", nil, message.EvidenceHeader},
	} {
		e := Entry{Envelope: envelope, Truth: c.truth}
		if got, evidence := e.Sender(); got != c.sender || evidence != c.evidence {
			t.Errorf("%s: sender %q by %q", c.name, got, evidence)
		}
		if got, evidence := e.Recipients(); !slices.Equal(got, c.recipients) || evidence != c.evidence {
			t.Errorf("%s: recipients %+v by %q", c.name, got, evidence)
		}
	}
}

// truthArchive holds two reports and a plain mail.
func truthArchive(t *testing.T, dir string) *Archive {
	t.Helper()
	a := open(t, dir, Options{})
	for _, name := range []string{"anna", "bert"} {
		text := "Message-ID: <" + name + "@outside>\r\n\r\n"
		r := receipt([]byte(text), name+"-bounce@example.com", "journal@example.net", name+"-to@example.org")
		r.Truth = sampleTruth(name, r.Size)
		appendOne(t, a, r)
	}
	appendOne(t, a, receipt([]byte("Message-ID: <anna@inside>\r\n\r\n"), "anna@example.com", "anna-list@example.org"))
	return a
}

// checkFound looks for the entries of truthArchive.
func checkFound(t *testing.T, name string, a *Archive) {
	t.Helper()
	for _, c := range []struct {
		q    Query
		want []uint64
	}{
		{Query{Sender: "ANNA@example.com"}, []uint64{1, 3}},
		{Query{Sender: "anna-boss@example.com"}, []uint64{1}},
		{Query{Sender: "bert-bounce@example.com"}, []uint64{2}},
		{Query{Sender: "anna-to@example.org"}, nil},
		{Query{Recipient: "anna-BCC@example.org"}, []uint64{1}},
		{Query{Recipient: "anna-to@example.org"}, []uint64{1}},
		{Query{Recipient: "anna-member@example.org"}, []uint64{1}},
		{Query{Recipient: "anna-list@example.org", Reverse: true}, []uint64{3, 1}},
		{Query{Recipient: "journal@example.net"}, []uint64{1, 2}},
		{Query{Recipient: "journal@example.net", Sender: "bert@example.com"}, []uint64{2}},
		{Query{Recipient: "bert@example.com"}, nil},
		{Query{MessageID: "anna@inside"}, []uint64{1, 3}},
		{Query{MessageID: "<anna@inside>", Sender: "anna-boss@example.com"}, []uint64{1}},
		{Query{MessageID: "<bert@outside>"}, []uint64{2}},
		{Query{MessageID: "bert@inside", Recipient: "bert-list@example.org", Sender: "bert-bounce@example.com"}, []uint64{2}},
		{Query{MessageID: "bert@inside", Recipient: "anna-list@example.org"}, nil},
		{Query{MessageID: "nobody@inside"}, nil},
	} {
		if got := numbers(list(t, a, c.q)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v gives %v, want %v", name, c.q, got, c.want)
		}
	}
	verified(t, a)
}

func TestEntriesAreFoundByTheirTruth(t *testing.T) {
	dir := t.TempDir()
	a := truthArchive(t, dir)
	checkFound(t, "at once", a)
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), dir, Options{Logger: quiet()}, nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir, Options{ReadOnly: true})
	checkFound(t, "rebuilt", a)
	if dump(t, a) != before {
		t.Error("the rebuilt catalog differs")
	}
}

// What nobody told has no keys.
func TestNothingIsFoundUnderNothing(t *testing.T) {
	bare := Entry{ID: 1}
	for _, truth := range []*message.Truth{{}, {Evidence: message.EvidenceReport, Recipients: make([]message.Recipient, 3)}} {
		told := Entry{ID: 1, Truth: truth}
		if got, want := indexKeys(&told), indexKeys(&bare); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v has the keys %q, want %q", truth, got, want)
		}
	}
	told := Entry{ID: 1, Envelope: message.Envelope{Sender: message.Path{Address: "a@b"}}, Truth: &message.Truth{}}
	if n := len(indexKeys(&told)); n != 1 {
		t.Errorf("%d keys, want that of the sender", n)
	}
	list := Entry{ID: 1, Truth: &message.Truth{Recipients: []message.Recipient{{From: "list@x"}, {}}}}
	if n := len(indexKeys(&list)); n != 2 {
		t.Errorf("%d keys, want those of the sender and the list", n)
	}
}

// A catalog of the version before truths does not know of them: it is made anew.
func TestUpgradeFindsTruths(t *testing.T) {
	dir := t.TempDir()
	a := truthArchive(t, dir)
	want := dump(t, a)
	older := a.catalog.state
	for e, err := range a.List(context.Background(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		plain := e
		plain.Truth = nil
		known := indexKeys(&plain)
		for _, key := range indexKeys(&e) {
			if slices.ContainsFunc(known, func(k []byte) bool { return bytes.Equal(k, key) }) {
				continue
			}
			older.keys--
			if err := a.catalog.db.Delete(key, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
	}
	state := older.encode()
	state[0] = 2
	if err := a.catalog.db.Set(stateKey(), state, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	a.Close()
	for _, readOnly := range []bool{true, false, true} {
		a = open(t, dir, Options{ReadOnly: readOnly})
		checkFound(t, fmt.Sprint("upgraded, read-only ", readOnly), a)
		if dump(t, a) != want {
			t.Errorf("read-only %v: the catalog differs from a new one", readOnly)
		}
		a.Close()
	}
}

// A truth that an entry got in some other way than by Append is checked.
func TestVerifyChecksTheOriginals(t *testing.T) {
	for name, original := range map[string]message.Original{
		"behind the end":   {Start: 0, End: 5},
		"before the start": {Start: -1, End: 2},
		"inside out":       {Start: 3, End: 2},
	} {
		a := open(t, t.TempDir(), Options{})
		r := receipt([]byte("mail"), "a@b", "c@d")
		e := &Entry{Tenant: r.Tenant, Source: r.Source, Size: r.Size, SHA256: r.SHA256,
			Truth: &message.Truth{Originals: []message.Original{{End: 4}, original}}}
		if err := a.store(context.Background(), r, e, true); err != nil {
			t.Fatal(err)
		}
		var found []string
		if _, err := a.Verify(context.Background(), nil, func(d Damage) { found = append(found, d.Error()) }); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || !strings.Contains(found[0], "original 1") {
			t.Errorf("%s: found %q", name, found)
		}
		if err := a.WriteOriginal(context.Background(), e.ID, 1, &bytes.Buffer{}); !isDamage(err) {
			t.Errorf("%s: written with %v", name, err)
		}
	}
}
