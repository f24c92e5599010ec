package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
)

// mailFiles are the messages of a folder, one in each file, in the order of the
// names. They are read when they are needed.
type mailFiles struct {
	paths []string
	// digests and sizes are of what was sent of each.
	digests []digest
	sizes   []int64
}

type digest = [sha256.Size]byte

// findMail finds the .eml files of a folder, not of those in it.
func findMail(dir string) (*mailFiles, error) {
	found, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	f := &mailFiles{}
	for _, entry := range found {
		if strings.HasSuffix(entry.Name(), ".eml") {
			f.paths = append(f.paths, filepath.Join(dir, entry.Name()))
		}
	}
	if len(f.paths) == 0 {
		return nil, fmt.Errorf("%s: no file there is named *.eml", dir)
	}
	f.digests = make([]digest, len(f.paths))
	f.sizes = make([]int64, len(f.paths))
	return f, nil
}

// read gives message n as a mail server has it.
func (f *mailFiles) read(n int64) ([]byte, error) {
	raw, err := os.ReadFile(f.paths[n])
	return onWire(raw), err
}

// onWire is a message with the line ends that it has on its way. A file without
// any CRLF is one in which a mail program changed them. The last line ends.
func onWire(raw []byte) []byte {
	if !bytes.Contains(raw, []byte("\r\n")) {
		raw = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
	}
	if len(raw) > 0 && !bytes.HasSuffix(raw, []byte("\r\n")) {
		raw = append(raw, "\r\n"...)
	}
	return raw
}

// lmtp gives message n for sending, and notes what it is. Each is asked for by
// one goroutine.
func (f *mailFiles) lmtp(n int64) (*lmtpMessage, error) {
	raw, err := f.read(n)
	if err != nil {
		return nil, err
	}
	f.digests[n], f.sizes[n] = sha256.Sum256(raw), int64(len(raw))
	m := &message{raw: raw}
	m.sender, m.recipients = envelopeOf(raw)
	return &lmtpMessage{
		name:       filepath.Base(f.paths[n]),
		envelope:   envelope(m),
		recipients: len(m.recipients),
		data:       template{parts: [][]byte{stuffed(raw)}},
	}, nil
}

// raw is how many bytes were sent.
func (f *mailFiles) raw() int64 {
	var sum int64
	for _, n := range f.sizes {
		sum += n
	}
	return sum
}

// envelopeOf makes an envelope of the header of a message: of From, and of To and
// Cc. Where it names nobody, a fixed address stands.
func envelopeOf(raw []byte) (sender string, recipients []string) {
	const nobody, mostHeader, mostRecipients = "nobody@bench.example", 64 << 10, 50
	sender, recipients = nobody, nil
	// ReadMessage wants the empty line, which may lie behind the limit.
	header := append(bytes.Clone(raw[:min(len(raw), mostHeader)]), "\r\n\r\n"...)
	m, err := mail.ReadMessage(bytes.NewReader(header))
	if err != nil {
		return sender, []string{nobody}
	}
	if from := plainAddresses(m.Header, "From"); len(from) > 0 {
		sender = from[0]
	}
	recipients = append(plainAddresses(m.Header, "To"), plainAddresses(m.Header, "Cc")...)
	if len(recipients) == 0 {
		recipients = []string{nobody}
	}
	return sender, recipients[:min(len(recipients), mostRecipients)]
}

// plainAddresses are the addresses of a header field that can stand in an envelope
// as they are.
func plainAddresses(h mail.Header, field string) []string {
	list, err := h.AddressList(field)
	if err != nil {
		return nil
	}
	var plain []string
	for _, a := range list {
		if isPlain(a.Address) {
			plain = append(plain, a.Address)
		}
	}
	return plain
}

// isPlain tells whether an address is a dot-string and a domain in ASCII, within
// the limits of RFC 5321 sections 4.1.2 and 4.5.3.1.
func isPlain(addr string) bool {
	local, domain, found := strings.Cut(addr, "@")
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	return found && len(local) <= 64 && len(domain) <= 255 &&
		labels(local, letters+"!#$%&'*+/=?^_`{|}~") && labels(domain, letters)
}

// labels tells whether text is made of labels with dots between them, none empty,
// none with a hyphen at an end.
func labels(text, letters string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || strings.Trim(label, "-") != label || strings.Trim(label, letters) != "" {
			return false
		}
	}
	return true
}
