package milter

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mta is the MTA's side of a milter connection, as raw frames.
type mta struct {
	net.Conn
}

const patience = 10 * time.Second

func (m mta) send(code byte, payload ...[]byte) error {
	_, err := m.Write(rawFrame(code, payload...))
	return err
}

func rawFrame(code byte, payload ...[]byte) []byte {
	data := bytes.Join(payload, nil)
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)+1))
	out = append(out, code)
	return append(out, data...)
}

// cstrings joins strings, each ended by NUL.
func cstrings(s ...string) []byte {
	var out []byte
	for _, one := range s {
		out = append(append(out, one...), 0)
	}
	return out
}

func optneg(version, actions, protocol uint32) []byte {
	out := binary.BigEndian.AppendUint32(nil, version)
	out = binary.BigEndian.AppendUint32(out, actions)
	return binary.BigEndian.AppendUint32(out, protocol)
}

// receive reads one reply and spells it as the dialogues do.
func (m mta) receive(wait time.Duration) string {
	if err := m.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err.Error()
	}
	var header [5]byte
	if _, err := io.ReadFull(m, header[:]); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "nothing"
		}
		return "closed"
	}
	data := make([]byte, binary.BigEndian.Uint32(header[:])-1)
	if _, err := io.ReadFull(m, data); err != nil {
		return err.Error()
	}
	switch code := header[4]; code {
	case 'c':
		return "continue"
	case 'a':
		return "accept"
	case 'y':
		return "reply " + strconv.Quote(strings.TrimSuffix(string(data), "\x00"))
	case 'O':
		return fmt.Sprintf("optneg %d %#x %#x", binary.BigEndian.Uint32(data),
			binary.BigEndian.Uint32(data[4:]), binary.BigEndian.Uint32(data[8:]))
	default:
		return fmt.Sprintf("%q %x", code, data)
	}
}

func (m mta) expect(t *testing.T, want string) {
	t.Helper()
	if got := m.receive(patience); got != want {
		t.Fatalf("server answered %s, want %s", got, want)
	}
}

// stageCodes are the words for commands in the dialogues.
func stageCode(word string) (byte, error) {
	codes := map[string]byte{
		"optneg": 'O', "macro": 'D', "connect": 'C', "helo": 'H', "mail": 'M', "rcpt": 'R', "data": 'T',
		"header": 'L', "eoh": 'N', "body": 'B', "eom": 'E', "abort": 'A', "quit": 'Q', "quit_nc": 'K', "unknown": 'U',
	}
	code, ok := codes[word]
	if !ok {
		return 0, fmt.Errorf("no command %q", word)
	}
	return code, nil
}

// command sends the command that a dialogue spells in words.
func (m mta) command(words []string) error {
	switch words[0] {
	case "close":
		return m.Close()
	case "raw":
		data, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil {
			return err
		}
		_, err = m.Write(data)
		return err
	}
	code, err := stageCode(words[0])
	if err != nil {
		return err
	}
	payload, err := commandPayload(words)
	if err != nil {
		return err
	}
	return m.send(code, payload)
}

func commandPayload(words []string) ([]byte, error) {
	args := words[1:]
	switch words[0] {
	case "optneg":
		var n [3]uint32
		for i := range n {
			v, err := strconv.ParseUint(args[i], 0, 32)
			if err != nil {
				return nil, err
			}
			n[i] = uint32(v)
		}
		return optneg(n[0], n[1], n[2]), nil
	case "macro":
		code, err := stageCode(args[0])
		if err != nil {
			return nil, err
		}
		out := []byte{code}
		for _, pair := range args[1:] {
			name, value, _ := strings.Cut(pair, "=")
			out = append(out, cstrings(name, value)...)
		}
		return out, nil
	case "connect": // host, then "unknown" or family, port and address
		out := cstrings(args[0])
		if args[1] == "unknown" {
			return append(out, 'U'), nil
		}
		port, err := strconv.ParseUint(args[2], 10, 16)
		if err != nil {
			return nil, err
		}
		out = append(out, args[1][0])
		out = binary.BigEndian.AppendUint16(out, uint16(port))
		return append(out, cstrings(args[3])...), nil
	case "body", "eom":
		return []byte(strings.Join(args, "")), nil
	default:
		return cstrings(args...), nil
	}
}
