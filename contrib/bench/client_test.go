package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"daybook/lmtp"
	"daybook/milter"
)

// box keeps what a server was given.
type box struct {
	mu         sync.Mutex
	messages   [][]byte
	senders    []string
	recipients [][]string
	queueIDs   []string
}

func (b *box) keep(raw []byte, sender string, recipients []string, queueID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, raw)
	b.senders = append(b.senders, sender)
	b.recipients = append(b.recipients, recipients)
	b.queueIDs = append(b.queueIDs, queueID)
}

// Deliver keeps a message that came over LMTP (lmtp.Handler).
func (b *box) Deliver(_ context.Context, e *lmtp.Envelope, body io.Reader) []lmtp.Reply {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	var to []string
	replies := make([]lmtp.Reply, len(e.Recipients))
	for i, r := range e.Recipients {
		to = append(to, r.Address)
		replies[i] = lmtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "kept"}
	}
	b.keep(raw, e.Sender.Address, to, "")
	return replies
}

// boxed is a milter session that keeps what it is shown.
type boxed struct {
	nothing
	box     *box
	raw     *bytes.Buffer
	verdict milter.Verdict
}

func (s boxed) Mail(context.Context, *milter.Transaction) milter.Verdict {
	s.raw.Reset()
	return milter.Verdict{}
}

func (s boxed) Header(field []byte) milter.Verdict {
	s.raw.Write(field)
	return milter.Verdict{}
}

func (s boxed) EndOfHeaders() milter.Verdict {
	s.raw.WriteString("\r\n")
	return milter.Verdict{}
}

func (s boxed) Body(chunk []byte) milter.Verdict {
	s.raw.Write(chunk)
	return milter.Verdict{}
}

func (s boxed) EndOfMessage(_ context.Context, t *milter.Transaction) milter.Verdict {
	var to []string
	for _, r := range t.Recipients {
		to = append(to, r.Address)
	}
	s.box.keep(bytes.Clone(s.raw.Bytes()), t.Sender.Address, to, t.QueueID())
	return s.verdict
}

// serve runs a server until the end of the test and gives its address.
func serve(t *testing.T, run func(net.Listener) error, shutdown func(context.Context) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run(l) // it ends by shutdown
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return l.Addr().String()
}

func serveLMTP(t *testing.T, b *box) string {
	s := lmtp.NewServer(lmtp.Config{Handler: b, Hostname: "box.example"})
	return serve(t, s.Serve, s.Shutdown)
}

func serveMilter(t *testing.T, b *box, v milter.Verdict) string {
	s := milter.NewServer(milter.Config{NewSession: func() milter.Session {
		return boxed{box: b, raw: &bytes.Buffer{}, verdict: v}
	}})
	return serve(t, s.Serve, s.Shutdown)
}

// checkBox compares what was kept with the sendings of a set, one after another.
func checkBox(t *testing.T, b *box, set []*message, queueID bool) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.messages) != len(set) {
		t.Fatalf("%d messages arrived, want %d", len(b.messages), len(set))
	}
	for i, m := range set {
		if want := sending(m, int64(i)); !bytes.Equal(b.messages[i], want) {
			t.Errorf("message %d: %d bytes arrived, and not those %d that were sent", i, len(b.messages[i]), len(want))
		}
		if b.senders[i] != m.sender {
			t.Errorf("message %d: the sender is %q, want %q", i, b.senders[i], m.sender)
		}
		if len(b.recipients[i]) != len(m.recipients) || b.recipients[i][0] != m.recipients[0] {
			t.Errorf("message %d: the recipients are %q, want %q", i, b.recipients[i], m.recipients)
		}
		if want := "4cF" + token(int64(i)); queueID && b.queueIDs[i] != want {
			t.Errorf("message %d: the queue ID is %q, want %q", i, b.queueIDs[i], want)
		}
	}
}

func sendAll(t *testing.T, c client, n int) {
	t.Helper()
	for i := range n {
		if err := c.send(int64(i)); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	c.close()
}

func TestLMTPClient(t *testing.T) {
	for _, kb := range []int{4, 16, 75, 300} {
		b := &box{}
		set := newSet(kb, minSet)
		c, err := dialLMTP(serveLMTP(t, b), prepare(set).lmtp)
		if err != nil {
			t.Fatal(err)
		}
		sendAll(t, c, len(set))
		checkBox(t, b, set, false)
	}
}

func TestMilterClient(t *testing.T) {
	noReplies := allProtocol()
	for name, offered := range map[string]uint32{
		"all that Postfix offers":     noReplies,
		"a reply to every step":       leadingSpace,
		"no leading spaces":           noReplies &^ leadingSpace,
		"nothing":                     0,
		"replies to header and body":  noReplies &^ (0x80 | 0x80000),
		"replies to connect and HELO": noReplies &^ (0x1000 | 0x2000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, kb := range []int{4, 16, 75, 300} {
				b := &box{}
				set := newSet(kb, minSet)
				c, err := dialMilter(serveMilter(t, b, milter.Verdict{}), set, offered)
				if err != nil {
					t.Fatal(err)
				}
				sendAll(t, c, len(set))
				checkBox(t, b, set, true)
			}
		})
	}
}

func TestMilterClientReportsARefusal(t *testing.T) {
	addr := serveMilter(t, &box{}, milter.Verdict{Action: milter.TempFail})
	c, err := dialMilter(addr, newSet(4, minSet), allProtocol())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.send(0); err == nil {
		t.Error("a message was taken that the milter refused")
	}
}

func TestPutSendsEachMessageOnce(t *testing.T) {
	b := &box{}
	addr, set := serveLMTP(t, b), newSet(4, minSet)
	clients, err := connect(func() (client, error) { return dialLMTP(addr, prepare(set).lmtp) }, 5)
	defer func() { closeAll(clients) }()
	if err != nil {
		t.Fatal(err)
	}
	const messages = 203
	o := put(t.Context(), clients, messages)
	if o.failed != 0 || len(o.waits) != messages {
		t.Fatalf("%d messages were taken, %d connections broke off: %s", len(o.waits), o.failed, o.problem)
	}
	seen := map[string]bool{}
	for _, raw := range b.messages {
		seen[string(raw)] = true
	}
	if len(seen) != messages {
		t.Errorf("%d different messages arrived, want %d", len(seen), messages)
	}
}

func TestChunkClient(t *testing.T) {
	for _, kb := range []int{4, 75} {
		b := &box{}
		set := newSet(kb, minSet)
		c, err := dialChunks(serveLMTP(t, b), set)
		if err != nil {
			t.Fatal(err)
		}
		sendAll(t, c, len(set))
		checkBox(t, b, set, false)
	}
}
