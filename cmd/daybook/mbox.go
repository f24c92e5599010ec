package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// writeMbox writes one message in mboxrd format (RFC 4155 names the formats; this
// is the one whose quoting can be undone): a line "From sender date", the message
// with LF line ends and with lines that match ^>*From quoted, and an empty line.
func writeMbox(w *bufio.Writer, sender string, received time.Time, message io.Reader) error {
	fmt.Fprintf(w, "From %s %s\n", mboxSender(sender), received.UTC().Format(time.ANSIC))
	in := bufio.NewReaderSize(message, 64<<10)
	inLine := false
	for {
		part, err := in.ReadSlice('\n')
		if !inLine && isFromLine(part) {
			w.WriteByte('>')
		}
		unended := inLine || len(part) > 0
		inLine = err != nil
		switch {
		case err == nil:
			w.Write(bytes.TrimSuffix(part[:len(part)-1], []byte("\r")))
			w.WriteByte('\n')
		case errors.Is(err, bufio.ErrBufferFull):
			// A long line comes in parts; the CR of its line end may be the last byte.
			if part[len(part)-1] == '\r' {
				part = part[:len(part)-1]
				if err := in.UnreadByte(); err != nil {
					return err
				}
			}
			w.Write(part)
		case errors.Is(err, io.EOF):
			w.Write(part)
			if unended {
				w.WriteByte('\n')
			}
			_, err := w.WriteString("\n")
			return err // the writer's first one
		default:
			return err
		}
	}
}

// isFromLine tells a line that has to be quoted.
func isFromLine(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From "))
}

// mboxSender is the sender as one word.
func mboxSender(address string) string {
	if address == "" {
		return "MAILER-DAEMON"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, address)
}
