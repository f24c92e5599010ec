package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"daybook/archive"
	"daybook/archive/message"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptPrepare makes an archive of receipts, or adds to it. Each line of the file is
// one: how long after 10 o'clock it came in, and words:
//
//	file=NAME      the message, each LF as CRLF
//	source=NAME    gateway without it
//	tenant=NAME    default without it
//	from=ADDRESS   the envelope
//	to=ADDRESS[,ADDRESS...]
//	inside=NAME    a mail inside, in a journal's report
//	told=ADDRESS[,ADDRESS...]
//	               who sent and received that one
//	identity=NAME  the mail whose identity it has; without it the last one inside, or else
//	               the message
//	window=TIME    10m without it
//	match=MATCH    content without it
//	quarantine     where it goes
//	unknown        it has no identity, as what is older than joining
func scriptPrepare(ts *testscript.TestScript, neg bool, args []string) {
	a, err := archive.Open(ts.MkAbs(args[0]), archive.Options{})
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		r, err := prepared(ts, strings.Fields(line))
		if err == nil {
			_, err = a.Append(context.Background(), r)
		}
		if err != nil {
			ts.Fatalf("%s: %v", line, err)
		}
	}
	ts.Check(a.Close())
}

func prepared(ts *testscript.TestScript, words []string) (*archive.Receipt, error) {
	after, err := time.ParseDuration(words[0])
	if err != nil {
		return nil, err
	}
	r := &archive.Receipt{
		Tenant: "default", Source: "gateway", Received: time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC).Add(after),
		Decision: archive.Decision{Action: archive.ActionArchive}, Join: archive.Join{Window: 10 * time.Minute},
	}
	wire := func(name string) []byte { return []byte(strings.ReplaceAll(ts.ReadFile(name), "\n", "\r\n")) }
	var whole, mail, named []byte
	var inside [][]byte
	unknown := false
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "file":
			whole = wire(value)
		case "inside":
			mail = wire(value)
			inside = append(inside, mail)
		case "identity":
			named = wire(value)
		case "source":
			r.Source = value
		case "tenant":
			r.Tenant = value
		case "from":
			r.Envelope.Sender.Address = value
		case "to":
			for a := range strings.SplitSeq(value, ",") {
				r.Envelope.Recipients = append(r.Envelope.Recipients, message.Path{Address: a})
			}
		case "told":
			r.Truth = preparedTruth(strings.Split(value, ","))
		case "window":
			r.Join.Window, err = time.ParseDuration(value)
		case "match":
			r.Join.Match = archive.Match(value)
		case "quarantine":
			r.Decision.Action = archive.ActionQuarantine
		case "unknown":
			unknown = true
		default:
			err = fmt.Errorf("there is no word %q", name)
		}
		if err != nil {
			return nil, err
		}
	}
	r.Body, r.Size, r.SHA256 = bytes.NewReader(whole), int64(len(whole)), sha256.Sum256(whole)
	r.Summary = message.Summarize(whole)
	for _, original := range inside {
		start := int64(bytes.Index(whole, original))
		r.Truth.Originals = append(r.Truth.Originals, message.Original{Start: start, End: start + int64(len(original))})
	}
	switch {
	case named != nil:
		mail = named
	case inside == nil:
		mail = whole
	}
	if !unknown {
		r.Identity, err = preparedIdentity(mail)
	}
	return r, err
}

func preparedTruth(told []string) *message.Truth {
	t := &message.Truth{Evidence: message.EvidenceReport, Kind: "exchange", Sender: told[0]}
	for _, a := range told[1:] {
		t.Recipients = append(t.Recipients, message.Recipient{Address: a, Class: message.ClassTo})
	}
	return t
}

func preparedIdentity(mail []byte) (*archive.Identity, error) {
	r := bytes.NewReader(mail)
	parts, err := message.Scan(r, r.Size())
	if err != nil {
		return nil, err
	}
	id, err := message.Identify(context.Background(), r, r.Size(), parts)
	return &archive.Identity{
		Exact: sha256.Sum256(mail), Canonical: id.Canonical, MessageID: id.MessageID, Fields: id.Fields,
	}, err
}
