package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// judged is what the commands tell of a message and of what was decided about it.
type judged struct {
	Tenant   string
	Sender   string
	Size     int64
	SHA256   string
	Decision struct {
		Action, Rule, At, Policy string
		Tags                     []string
	}
}

// policyText has all that a milter's policy can decide. The tag tells the versions
// of it apart.
const policyText = `
tenant "acme" {
  domains = ["acme.example"]
  known   = ["anna@acme.example a.berg@acme.example"]
}
tenant "globex" {
  domains = ["*.globex.example"]
}
tenant "house" {
}
milter "edge" {
  listen           = "tcp:127.0.0.1:0"
  tenants          = ["acme", "globex"]
  unclaimed        = "house"
  non_internal     = "skip"
  unknown_internal = "quarantine"
}
rule "probe" {
  when   = starts_with(sender.address, "probe-") && client.address == "127.0.0.1"
  action = "skip"
  tags   = ["TAG"]
}
rule "known" {
  when   = direction != "external" && any([for r in recipients : r.known])
  action = "archive"
  tags   = ["TAG"]
}
`

// policyMail are the kinds of mail that are sent, and what is to be decided: tenant,
// action and what decided.
var policyMail = []struct {
	sender     string
	recipients []string
	decisions  []string
}{
	{"x", []string{"anna@acme.example"}, []string{"acme archive known"}},
	{"x", []string{"A.Berg@ACME.example", "bob@sales.globex.example"}, []string{"acme archive known", "globex archive known"}},
	{"x", []string{"nobody@acme.example"}, []string{"acme quarantine unknown_internal"}},
	{"probe", []string{"bob@sales.globex.example"}, []string{"globex skip probe"}},
	{"x", []string{"y@elsewhere.example"}, []string{"house skip non_internal"}},
}

// TestPostfixUnderPolicies sends mail through Postfix while the policy changes: for
// every message that was taken each tenant concerned has exactly one record, made by
// exactly one of the policies.
func TestPostfixUnderPolicies(t *testing.T) {
	needPostfix(t)
	d := newDaybook(t, "tcp", "off")
	d.config = filepath.Join(workDir(t), "policy.hcl")
	use := func(tag string) { writeFile(t, d.config, strings.ReplaceAll(policyText, "TAG", tag), 0o644) }
	use("one")
	d.start(t)
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})

	const workers, each = 4, 25
	sent := make([]int, workers*each) // the kind of each message
	var sending sync.WaitGroup
	for w := range workers {
		sending.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				sent[i] = i % len(policyMail)
				sendJudged(t, p, i, sent[i])
			}
		})
	}
	done := make(chan struct{})
	go func() { sending.Wait(); close(done) }()
	for n, busy := 0, true; busy; n++ {
		use([]string{"two", "one"}[n%2])
		d.proc.signal(syscall.SIGHUP)
		select {
		case <-done:
			busy = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if t.Failed() {
		return
	}
	checkJudged(t, d, sent)
	d.verify(t)
}

func sendJudged(t *testing.T, p *postfix, i, kind int) {
	c, err := openDialogue("tcp", p.addr(), false)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.close()
	mail := policyMail[kind]
	env := envelope{from: fmt.Sprintf("%s-%d@elsewhere.example", mail.sender, i), to: mail.recipients}
	r, err := c.deliver(env, fmt.Appendf(nil, "Subject: %d\r\n\r\nmessage %d\r\n", i, i))
	if err != nil || !r.ok() {
		t.Errorf("message %d: reply %v, error %v", i, r, err)
	}
}

// checkJudged compares the records of each message with what its kind asks for.
func checkJudged(t *testing.T, d *daybook, sent []int) {
	t.Helper()
	records := append(
		readJudged(t, d, "list", "--entries", "--all"),
		readJudged(t, d, "events", "--kind", "skip")...)
	tags := make(map[string]string) // by policy
	found := make(map[string][]string)
	for _, r := range records {
		found[r.Sender] = append(found[r.Sender], fmt.Sprintf("%s %s %s", r.Tenant, r.Decision.Action, r.Decision.Rule))
		if r.Decision.Policy == "" {
			t.Errorf("the record of %s names no policy", r.Sender)
		}
		if len(r.Decision.Tags) == 0 {
			continue // decided by a word of the source
		}
		tag := r.Decision.Tags[0]
		if known, ok := tags[r.Decision.Policy]; ok && known != tag {
			t.Errorf("policy %s gave the tags %q and %q", r.Decision.Policy, known, tag)
		}
		tags[r.Decision.Policy] = tag
	}
	if len(tags) != 2 {
		t.Errorf("%d policies decided, want 2", len(tags))
	}
	for i, kind := range sent {
		sender := fmt.Sprintf("%s-%d@elsewhere.example", policyMail[kind].sender, i)
		slices.Sort(found[sender])
		if !slices.Equal(found[sender], policyMail[kind].decisions) {
			t.Errorf("message %d: %q, want %q", i, found[sender], policyMail[kind].decisions)
		}
	}
}

// readJudged reads what a command lists.
func readJudged(t *testing.T, d *daybook, args ...string) []judged {
	t.Helper()
	out := mustRun(t, append([]string{d.bin, args[0], "--data", d.data, "--json"}, args[1:]...)...)
	var list []judged
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var j judged
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			t.Fatalf("%v: %v in the line %.300q", args, err, lines.Bytes())
		}
		list = append(list, j)
	}
	return list
}
