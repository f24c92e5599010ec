package milter

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// fullSession fails what full@example.com sends.
type fullSession struct{ recordedSession }

func (s *fullSession) Mail(ctx context.Context, t *Transaction) Verdict {
	s.recordedSession.Mail(ctx, t)
	if t.Sender.Address == "full@example.com" {
		return Verdict{Action: TempFail, Reply: "452 4.3.1 archive is full"}
	}
	return Verdict{}
}

// miltertestScript is a script and what the session must see of it.
type miltertestScript struct {
	script string
	events []string
}

func miltertestScripts() []miltertestScript {
	return []miltertestScript{
		{"message.lua", []string{
			"connect client.example.com 192.0.2.7 12345",
			"helo client.example.com",
			"mail 1 <anna@example.com> SIZE=200 BODY=8BITMIME",
			"rcpt <carl@example.org> NOTIFY=NEVER",
			"rcpt <dora@example.org>",
			`header "Subject: folded\r\n\tsubject\r\n"`,
			`header "X-Trailing: blank \r\n"`,
			"eoh",
			`body "line one\r\n"`,
			`body "line two\r\n"`,
			"eom 1 client.example.com helo=client.example.com from=<anna@example.com> to=<carl@example.org>,<dora@example.org>",
			"mail 2 <bert@example.com> SIZE=200 BODY=8BITMIME",
			"rcpt <carl@example.org> NOTIFY=NEVER",
			"rcpt <dora@example.org>",
			`header "Subject: folded\r\n\tsubject\r\n"`,
			`header "X-Trailing: blank \r\n"`,
			"eoh",
			`body "line one\r\n"`,
			`body "line two\r\n"`,
			"eom 2 client.example.com helo=client.example.com from=<bert@example.com> to=<carl@example.org>,<dora@example.org>",
			"close",
		}},
		{"tempfail.lua", []string{
			"connect localhost invalid IP 0",
			"helo localhost",
			"mail 1 <full@example.com>",
			"abort",
			"mail 2 <anna@example.com>",
			"rcpt <carl@example.org>",
			`header "Subject: y\r\n"`,
			"eoh",
			`body "text\r\n"`,
			"eom 2 localhost helo=localhost from=<anna@example.com> to=<carl@example.org>",
			"close",
		}},
		{"replies.lua", []string{
			"connect client.example.com 192.0.2.7 12345 inexact",
			"helo client.example.com",
			"mail 1 <anna@example.com>",
			"rcpt <carl@example.org>",
			`header "Subject: x\r\n"`,
			"eoh",
			`body "text\r\n"`,
			"eom 1 client.example.com helo=client.example.com from=<anna@example.com> to=<carl@example.org>",
			"close",
		}},
	}
}

// TestMiltertest drives the server with OpenDKIM's miltertest, an
// implementation of the MTA's side that is not ours.
func TestMiltertest(t *testing.T) {
	if _, err := exec.LookPath("miltertest"); err != nil {
		if os.Getenv("DAYBOOK_REQUIRE_PEERS") == "1" {
			t.Fatal("miltertest is not installed, and DAYBOOK_REQUIRE_PEERS is 1")
		}
		t.Skip("NOT TESTED: miltertest is not installed (Debian: apt-get install miltertest)")
	}
	for _, test := range miltertestScripts() {
		t.Run(test.script, func(t *testing.T) {
			r := newRecorder()
			_, address := startServer(t, Config{NewSession: func() Session { return &fullSession{recordedSession{r}} }})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			run := exec.CommandContext(ctx, "miltertest", "-D", "socket=unix:"+address, "-s", "testdata/miltertest/"+test.script)
			if out, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			r.expect(t, test.events...)
		})
	}
}
