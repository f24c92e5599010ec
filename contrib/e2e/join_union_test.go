package e2e

import "testing"

// TestJoinMilterAndReports sends mail that Postfix shows to the milter and that is
// journaled, half of it first by the milter and half first by reports. Mixed in are
// reports that each tell some of the recipients, copies for each recipient, and
// deliveries that are sent again because the reply was lost. Each mail is one message.
func TestJoinMilterAndReports(t *testing.T) {
	j := startJoining(t)
	mails := make([]*mail, joinedMails())
	for n := range mails {
		mails[n] = newMail(n)
	}
	first := make([]string, len(mails)) // queue IDs
	j.each(t, mails, func(c *carrier, n int, m *mail) {
		if n%2 == 1 {
			first[n] = c.queue(&c.inner, m, m.data)
			return
		}
		first[n] = c.submit(m, m.data)
		if n%8 == 0 { // the reply was lost
			c.outer.cut()
			c.submit(m, m.data)
		}
	})
	arrived := j.settle(t, mails)
	j.each(t, mails, func(c *carrier, n int, m *mail) {
		mailbox := arrived[first[n]]
		if n%20 == 15 {
			c.perRecipient(n, m, mailbox)
		}
		c.reports(n, m, mailbox)
		if n%2 == 1 {
			c.submit(m, passedOn(mailbox))
		}
		if n%5 == 0 && n%20 != 15 {
			c.perRecipient(n, m, mailbox)
		}
	})
	j.settle(t, mails)
	all := checkJoined(t, j.daybook, mails)
	checkVariants(t, j.daybook, all[:min(10, len(all))])
	j.stop(t)
	checkRebuilt(t, j.daybook, all)
}

// joinedMails is how many mails are sent.
func joinedMails() int {
	if testing.Short() {
		return 120
	}
	return 1000
}

// reports has a mail journaled: with a single report or, as for recipients on several
// servers, with two.
func (c *carrier) reports(n int, m *mail, mailbox []byte) {
	lines := [][]string{m.lines}
	if half := len(m.lines) / 2; n%3 == 0 && half > 0 {
		lines = [][]string{m.lines[:half], m.lines[half:]}
	}
	for _, some := range lines {
		c.journal(m, m.journalCopy(mailbox, some))
	}
	if n%7 == 0 { // the reply to the last one was lost
		c.journals.cut()
		c.journal(m, m.journalCopy(mailbox, lines[len(lines)-1]))
	}
}

// perRecipient has a copy come for each recipient; for some, the first one again.
func (c *carrier) perRecipient(n int, m *mail, mailbox []byte) {
	for _, to := range m.env.to {
		c.journal(m, m.googleCopy(mailbox, to))
	}
	if n%10 == 5 {
		c.journals.cut()
		c.journal(m, m.googleCopy(mailbox, m.env.to[0]))
	}
}
