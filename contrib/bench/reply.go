package main

import (
	"bufio"
	"fmt"
	"strings"
)

// expect reads a reply and gives the text of its lines (RFC 5321 section 4.2).
// A reply whose code does not begin with class is an error.
func expect(in *bufio.Reader, class byte) ([]string, error) {
	code, lines, err := readReply(in)
	if err != nil {
		return nil, err
	}
	if code[0] != class {
		return lines, &refusal{code, strings.Join(lines, " / ")}
	}
	return lines, nil
}

// refusal is a reply that is not the one that was hoped for.
type refusal struct{ code, text string }

// Error says what the server said.
func (r *refusal) Error() string { return fmt.Sprintf("the server said: %s %s", r.code, r.text) }

// readReply reads a reply of one line or more.
func readReply(in *bufio.Reader) (code string, lines []string, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", nil, fmt.Errorf("reading a reply: %w", err)
		}
		text := strings.TrimRight(string(line), "\r\n")
		if !replyLine(text) || code != "" && text[:3] != code {
			return "", nil, fmt.Errorf("%.80q is not a reply", text)
		}
		code = text[:3]
		lines = append(lines, text[min(4, len(text)):])
		if len(text) == 3 || text[3] == ' ' {
			return code, lines, nil
		}
	}
}

func replyLine(text string) bool {
	if len(text) < 3 || len(text) > 3 && text[3] != ' ' && text[3] != '-' {
		return false
	}
	for _, c := range []byte(text[:3]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text[0] >= '2' && text[0] <= '5'
}
