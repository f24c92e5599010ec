package lmtp

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A dialogue file is what one client and the server say to each other.
//
//	# a comment
//	= lmtp tls max=100 rcpts=2 line=100   the server; without it: lmtp
//	= implicit users insecure proxy       with ImplicitTLS, the users of testUsers, AUTH without TLS, behind a balancer
//	= gate=tls+auth                       with a doorman that wants these, and closes to all with banned or busy
//	C: text       the client sends text and CRLF; \r \n \xHH are octets, {x*100} is x a hundred times
//	c: text       the same without CRLF
//	S: text       the server answers this line; "..." at the end stands for any rest
//	C: [starttls] the client shakes hands; [finish]: it sends no more; [wait]: what was sent goes out as a packet of its own
//	S: [closed]   the server closes
//	D: delivery   what the handler was given, in order, after the end of the dialogue
//	E: envelope   what it knew of the peer of that delivery: client, protocol, user
//
// {base64 text} is text in base64.
//
// Lines of the client that follow each other are sent as one packet.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := &dialogue{t: t, rec: new(recorder)}
			for i, line := range strings.Split(string(text), "\n") {
				d.step(i+1, line)
			}
			d.end()
		})
	}
}

type dialogue struct {
	t       *testing.T
	rec     *recorder
	c       *client
	cfg     Config
	scheme  func() // starts TLS on the client
	pending string
	want    []string
	facts   bool // E lines are wanted
}

func (d *dialogue) step(n int, line string) {
	d.t.Helper()
	kind, text, _ := strings.Cut(line, " ")
	switch kind {
	case "", "#":
	case "=":
		d.configure(text)
	case "C:", "c:":
		d.client(kind, text)
	case "S:":
		d.flush()
		got := d.c.line()
		text = inBase64(d.t, text)
		prefix, open := strings.CutSuffix(text, "...")
		if got != text && !(open && strings.HasPrefix(got, prefix)) {
			d.t.Fatalf("line %d:\nwant %s\ngot  %s", n, text, got)
		}
	case "D:":
		d.want = append(d.want, text)
	case "E:":
		d.facts = true
		d.want = append(d.want, text)
	default:
		d.t.Fatalf("line %d: %q is no step", n, kind)
	}
}

func (d *dialogue) configure(text string) {
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "smtp":
			d.cfg.SMTP = true
		case "lmtp":
		case "max":
			d.cfg.MaxMessage = int64(n)
		case "rcpts":
			d.cfg.MaxRecipients = n
		case "line":
			d.cfg.MaxLine = n
		case "tls", "implicit":
			server, client := testTLS(d.t)
			d.cfg.TLS, d.cfg.ImplicitTLS = server, key == "implicit"
			d.scheme = func() { d.c.startTLS(client) }
		case "users":
			d.cfg.Credentials, d.cfg.authPause = testUsers(d.t), time.Millisecond
		case "insecure":
			d.cfg.AuthInsecure = true
		case "proxy":
			d.cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		case "gate":
			d.cfg.Gate = newDoorman(value)
		default:
			d.t.Fatalf("unknown setting %q", word)
		}
	}
}

func (d *dialogue) connect() {
	if d.c == nil {
		d.cfg.Handler = d.rec
		_, addr := serve(d.t, d.cfg, nil)
		d.c = dial(d.t, addr)
	}
}

func (d *dialogue) flush() {
	d.connect()
	if d.pending != "" {
		d.c.send(d.pending)
		d.pending = ""
	}
}

func (d *dialogue) client(kind, text string) {
	switch text {
	case "[starttls]":
		d.flush()
		d.scheme()
	case "[finish]":
		d.flush()
		d.c.conn.(interface{ CloseWrite() error }).CloseWrite()
	case "[wait]":
		d.flush()
		time.Sleep(20 * time.Millisecond)
	default:
		d.pending += octets(d.t, text)
		if kind == "C:" {
			d.pending += "\r\n"
		}
	}
}

func (d *dialogue) end() {
	d.flush()
	d.c.conn.Close()
	want := len(d.want)
	if d.facts {
		want /= 2
	}
	waitFor(d.t, "deliveries", func() bool { return len(d.rec.deliveries()) >= want })
	var got []string
	for _, x := range d.rec.deliveries() {
		got = append(got, x.String())
		if d.facts {
			got = append(got, x.env.facts())
		}
	}
	if strings.Join(got, "\n") != strings.Join(d.want, "\n") {
		d.t.Errorf("deliveries:\nwant %s\ngot  %s", strings.Join(d.want, "\n     "), strings.Join(got, "\n     "))
	}
}

// facts is the line of an envelope in a dialogue.
func (e *Envelope) facts() string {
	client := e.Client
	if strings.HasPrefix(client, "127.0.0.1:") {
		client = "local"
	}
	return strings.TrimRight(client+" "+e.Protocol+" "+e.AuthUser, " ")
}

// octets replaces {base64 x}, {x*n} and the escapes.
func octets(t *testing.T, text string) string {
	text = inBase64(t, text)
	repeat := regexp.MustCompile(`\{(.+?)\*(\d+)\}`)
	text = repeat.ReplaceAllStringFunc(text, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
	return unescaped(t, text)
}

func inBase64(t *testing.T, text string) string {
	encode := regexp.MustCompile(`\{base64 (.*?)\}`)
	return encode.ReplaceAllStringFunc(text, func(m string) string {
		return base64.StdEncoding.EncodeToString([]byte(unescaped(t, encode.FindStringSubmatch(m)[1])))
	})
}

func unescaped(t *testing.T, text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	s, err := strconv.Unquote(fmt.Sprintf(`"%s"`, strings.ReplaceAll(text, `"`, `\"`)))
	if err != nil {
		t.Fatalf("octets %s: %v", text, err)
	}
	return s
}
