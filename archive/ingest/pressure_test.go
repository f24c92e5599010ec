package ingest

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"daybook/archive"
	"daybook/lmtp"
	"daybook/milter"
	"daybook/policy"
)

// pressure is many clients that send large messages at the same time, until they are
// taken.
type pressure struct {
	clients int
	size    int
	budget  int64 // 0 for that of the policy
	declare bool  // the clients say the size
	milter  bool  // they come in by a milter, not by LMTP
}

func TestPressure(t *testing.T) {
	for name, p := range map[string]pressure{
		"lmtp with the size":    {clients: 24, size: 2 * mib, budget: 16 * mib, declare: true},
		"lmtp without the size": {clients: 24, size: 2 * mib, budget: 16 * mib},
		"milter":                {clients: 24, size: 2 * mib, budget: 16 * mib, milter: true},
	} {
		t.Run(name, func(t *testing.T) { p.run(t, 200*time.Millisecond) })
	}
}

// largeSize is the size of the messages of TestPressureOf200: with 50 MB and the budget
// that goes with it, which is that of a server of which nothing is written, the test
// takes minutes.
var largeSize = flag.Int("large", 6_000_000, "size in bytes of each of 200 messages at a time")

// 200 messages at a time, of which the budget has room for twenty.
func TestPressureOf200(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: takes 2 GB of mail")
	}
	budget := int64(float64(*largeSize) / 50_000_000 * policy.DefaultMaxInFlight)
	pressure{clients: 200, size: *largeSize, declare: true, budget: budget}.run(t, listenerPatience)
}

func (p pressure) run(t *testing.T, patience time.Duration) {
	h := newHouse(t, archive.Options{})
	if p.budget != 0 {
		h.ingest.budget.resize(p.budget)
	}
	h.ingest.listenerPatience, h.ingest.milterPatience = patience, patience
	send := p.overMilter(h)
	if !p.milter {
		send = p.overLMTP(t, h)
	}
	watch := watchSpool(t, h)
	first := h.ingest.budget.begin(context.Background(), 0)
	if err := first.use(h.ingest.budget.limit - h.ingest.budget.limit/smallShare); err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	var again atomic.Int64
	for n := range p.clients {
		clients.Go(func() {
			for {
				reply := send(n)
				if strings.HasPrefix(reply, "250") {
					return
				}
				if !strings.HasPrefix(reply, "452 4.3.1 too much mail is coming in") {
					t.Errorf("client %d: %q", n, reply)
					return
				}
				again.Add(1)
				time.Sleep(patience / 4)
			}
		})
	}
	for h.ingest.InFlight().Waits == 0 { // until one has met that there is no room
		time.Sleep(time.Millisecond)
	}
	first.end()
	clients.Wait()
	peak, files := watch()
	f := h.ingest.InFlight()
	t.Logf("at most %d MiB taken, %d MiB of them in files, of %d MiB; %d waits, %d sent again", peak>>20, files>>20, f.Limit>>20, f.Waits, again.Load())
	if peak > f.Limit || files > f.Limit || files == 0 {
		t.Errorf("%d bytes taken, %d in files, and not within %d", peak, files, f.Limit)
	}
	if f.Bytes != 0 || f.Waiting != 0 || f.Refused != uint64(again.Load()) || f.Refused > 0 == f.LastRefused.IsZero() {
		t.Errorf("in the end %+v", f)
	}
	if n := len(h.entries(t)); n != p.clients {
		t.Errorf("%d entries of %d messages", n, p.clients)
	}
}

// body gives the message of a client.
func (p pressure) body(n int) io.Reader {
	head := fmt.Sprintf("Message-ID: <%d@example.com>\r\nSubject: large\r\n\r\n", n)
	return io.MultiReader(strings.NewReader(head), io.LimitReader(new(pattern), int64(p.size)))
}

// TestBusyDialogues has clients come while large messages have taken all that is there
// for such. Each file of testdata/busy is what a client (C:) and the server (S:) say;
// "[N bytes]" is so much of a message, "..." at the end of a reply stands for any rest,
// and of a reply of many lines the last one is there.
func TestBusyDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/busy/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			h := newHouse(t, archive.Options{})
			h.ingest.listenerPatience = 10 * time.Millisecond
			b := h.ingest.budget
			if err := b.begin(context.Background(), 0).use(b.limit - b.limit/smallShare); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("tcp", serveLMTP(t, h))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c := &lmtpClient{Conn: conn, in: bufio.NewReader(conn)}
			for n, line := range strings.Split(string(text), "\n") {
				c.step(t, n+1, line)
			}
		})
	}
}

// step plays a line of a dialogue.
func (c *lmtpClient) step(t *testing.T, n int, line string) {
	t.Helper()
	kind, text, _ := strings.Cut(line, ": ")
	switch kind {
	case "C":
		var bytes int64
		if _, err := fmt.Sscanf(text, "[%d bytes]", &bytes); err == nil {
			if _, err := io.Copy(c.Conn, io.LimitReader(new(pattern), bytes)); err != nil {
				t.Fatal(err)
			}
			return
		}
		if _, err := io.WriteString(c.Conn, text+"\r\n"); err != nil {
			t.Fatal(err)
		}
	case "S":
		got := c.say("", 1)
		if prefix, open := strings.CutSuffix(text, "..."); got != text && !(open && strings.HasPrefix(got, prefix)) {
			t.Fatalf("line %d:\nwant %s\ngot  %s", n, text, got)
		}
	default:
		if line != "" && line[0] != '#' {
			t.Fatalf("line %d: %q is no step", n, line)
		}
	}
}

// pattern is lines without end, of letters that follow each other.
type pattern struct{ at int }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		switch column := p.at % 76; {
		case column < 74:
			b[i] = 'a' + byte((column+p.at/76)%26)
		default:
			b[i] = "\r\n"[column-74]
		}
		p.at++
	}
	return len(b), nil
}

// overLMTP gives a client of a listener, which sends the message of a number and
// returns the reply to DATA or to the message.
func (p pressure) overLMTP(t *testing.T, h *house) func(n int) string {
	address := serveLMTP(t, h)
	return func(n int) string {
		c := dialLMTP(t, address)
		defer c.Close()
		size := ""
		if p.declare {
			size = fmt.Sprintf(" SIZE=%d", p.size)
		}
		reply := c.say(fmt.Sprintf("MAIL FROM:<a@example.com>%s\r\nRCPT TO:<b@example.com>\r\nDATA\r\n", size), 3)
		if !strings.HasPrefix(reply, "354") {
			return reply
		}
		if _, err := io.Copy(c.Conn, p.body(n)); err != nil {
			return err.Error()
		}
		return c.say("\r\n.\r\n", 1)
	}
}

// overMilter does the same with sessions of a milter.
func (p pressure) overMilter(h *house) func(n int) string {
	sessions := h.ingest.Milter("milter", "")
	return func(n int) string {
		s := sessions()
		defer s.Close()
		ctx := context.Background()
		t := &milter.Transaction{Connection: &milter.Connection{ExactHeaders: true}, Sender: milter.Path{Address: "a@example.com"}}
		s.Mail(ctx, t)
		t.Recipients = []milter.Path{{Address: "b@example.com"}}
		s.Rcpt(ctx, t)
		s.Header(fmt.Appendf(nil, "Message-ID: <%d@example.com>\r\n", n))
		s.EndOfHeaders()
		for body, chunk := io.LimitReader(new(pattern), int64(p.size)), make([]byte, 65535); ; {
			got, err := io.ReadFull(body, chunk)
			if s.Body(chunk[:got]); err != nil {
				break
			}
		}
		if v := s.EndOfMessage(ctx, t); v.Action == milter.TempFail {
			return v.Reply
		}
		return "250"
	}
}

// watchSpool gives what ends it, and then tells the most that was taken of the budget,
// and the most that was in files of the spool.
func watchSpool(t *testing.T, h *house) func() (taken, files int64) {
	stop, done := make(chan struct{}), make(chan struct{})
	var peak, largest int64
	go func() {
		defer close(done)
		for {
			peak = max(peak, h.ingest.InFlight().Bytes)
			largest = max(largest, openBytes(h.ingest.spool))
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() (int64, int64) {
		close(stop)
		<-done
		return peak, largest
	}
}

// openBytes is the size of the files without a name that this process has open in a
// folder.
func openBytes(dir string) (n int64) {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		if path, err := os.Readlink(link); err == nil && strings.HasPrefix(path, dir+"/") {
			if info, err := os.Stat(link); err == nil {
				n += info.Size()
			}
		}
	}
	return n
}

// serveLMTP serves the listener of a house, and gives its address.
func serveLMTP(t *testing.T, h *house) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := lmtp.NewServer(lmtp.Config{Handler: h.lmtp(), Hostname: "archive.example.com"})
	go server.Serve(l)
	t.Cleanup(func() { server.Shutdown(context.Background()) })
	return l.Addr().String()
}

// lmtpClient is a peer at the level of lines.
type lmtpClient struct {
	net.Conn
	in *bufio.Reader
}

func dialLMTP(t *testing.T, address string) *lmtpClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return nil
	}
	c := &lmtpClient{Conn: conn, in: bufio.NewReader(conn)}
	c.say("", 1)
	c.say("LHLO client.example.com\r\n", 1)
	return c
}

// say sends lines and returns the last one of as many replies.
func (c *lmtpClient) say(lines string, replies int) string {
	if _, err := io.WriteString(c.Conn, lines); err != nil {
		return err.Error()
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return err.Error()
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if replies--; replies == 0 {
			return strings.TrimRight(line, "\r\n")
		}
	}
}
