package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOddSendersAreArchived sends mail whose reverse-path is as odd as Postfix
// takes it. The sender chooses it, and a copy that Daybook refused would bounce and
// be lost: whatever Postfix accepts is archived.
func TestOddSendersAreArchived(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "off", "tcp")
	conf := journalSnippets(t, d)
	conf.mainCF += "default_transport = discard\n"
	p := startPostfix(t, conf)
	accepted := map[string]string{} // subject -> reverse-path
	for i, from := range []string{
		"ok@example.com", "", `""@example.com`, "@example.com", `"a b".c@example.com`, "a(x)@example.com", `"a:b"@example.com`,
		"a[1]@example.com", "x@[192.0.2.1]", "x@", "a@b@c", "\"a\\\tb\"@example.com", "\"a\x01b\"@example.com", "user name@example.com",
	} {
		subject := fmt.Sprintf("odd-sender-%d", i)
		if offer(t, p, from, subject) {
			accepted[subject] = from
		}
	}
	if len(accepted) < 8 {
		t.Fatalf("Postfix took only %d of the senders", len(accepted))
	}
	eventually(t, 20*time.Second, func() error {
		missing := map[string]string{}
		for subject, from := range accepted {
			missing[subject] = from
		}
		for _, e := range d.list(t) {
			delete(missing, e.Subject)
		}
		if len(missing) > 0 {
			return fmt.Errorf("not archived: %q", missing)
		}
		return nil
	})
	t.Logf("%d senders taken by Postfix, all archived", len(accepted))
}

// offer sends one message, and tells whether Postfix has taken it.
func offer(t *testing.T, p *postfix, from, subject string) bool {
	t.Helper()
	c, err := openDialogue("tcp", p.addr(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	r, err := c.deliver(envelope{from, []string{"r@example.net"}}, []byte("Subject: "+subject+"\r\n\r\nhello\r\n"))
	return err == nil && r.ok() && !strings.HasPrefix(r.text, "5")
}
