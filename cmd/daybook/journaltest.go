package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"daybook/archive"
	"daybook/policy"
)

type journalTestCmd struct {
	place        `embed:""`
	Name         string        `arg:"" help:"The journal, as the policy names it."`
	Via          string        `placeholder:"LISTENER" help:"Only through this listener; without it through each that the journal has."`
	Server       policy.Addr   `placeholder:"ADDR" help:"Where the listener is to be reached, as tcp:host:port; without it where the daemon listens."`
	PasswordFile string        `placeholder:"FILE" help:"A file with the password, where the journal's has only what SCRAM stores."`
	Timeout      time.Duration `default:"30s" placeholder:"TIME" help:"How long it may take; 30s without it."`
}

// Help is the long help of the command.
func (*journalTestCmd) Help() string {
	return `Sends a small message to a journal, through the listener and as the sending server would: with TLS, login and, for format = "envelope", as a journal report. Then it waits until the message is in the archive, and says what was decided about it. Each step is a line.

The message stays in the archive; its sender is daybook-journal-test at the tenant's domain. The certificate is looked at, but not relied on. The daemon has to run.

A probe from this machine is believed as the journal's own server is. Where allow_from leaves this machine out, it is refused as any stranger is: name with --server an address of this machine that is within allow_from, or add 127.0.0.1 to it.

Exit status: 0 when the message was archived, 1 when a step failed, 2 for wrong flags, a journal that is not there, and when no daemon runs.`
}

// Run sends the probe.
func (c *journalTestCmd) Run(env *environment) error {
	if c.Timeout <= 0 {
		return refuse("--timeout", fmt.Errorf("%v is no time", c.Timeout), "give one as in 30s")
	}
	pol, err := c.policy()
	if err != nil {
		return err
	}
	socket := pol.Server.Control.Address
	r, err := dialControl(env.ctx, socket)
	if errors.Is(err, errNoDaemon) {
		return refuse(socket, err, "start one with daybook serve, or name its data folder with --data or --config")
	}
	if err != nil {
		return err
	}
	return useStore(r, func(store) error { return c.test(env, r) })
}

func (c *journalTestCmd) test(env *environment, r *remote) error {
	way, err := r.journal(env.ctx, c.Name)
	if err != nil {
		return err
	}
	found := false
	for i := range way.Via {
		l := &way.Via[i]
		if c.Via != "" && c.Via != l.Name {
			continue
		}
		found = true
		t := &journalTest{out: env.stdout, store: r, way: way, listener: l, at: c.Server, passwordFile: cmp.Or(c.PasswordFile, way.PasswordFile)}
		if !t.at.IsSet() {
			if t.at, err = policy.ParseAddr(l.Listen); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(env.ctx, c.Timeout)
		err := t.run(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	if !found {
		return refuse("--via "+c.Via, errors.New("the journal is not via this listener"), "leave it out")
	}
	return nil
}

// journalTest is one probe through one listener.
type journalTest struct {
	out          io.Writer
	store        *remote
	way          *journalWay
	listener     *listenerWay
	at           policy.Addr
	passwordFile string

	began time.Time
	mail  *probeMail
	probe *probe
	reply string
}

// probeStep is one that a probe takes. It says what it found; nothing when it had nothing
// to do.
type probeStep struct {
	name string
	take func(context.Context) (string, error)
}

// run takes the steps one after the other, and ends with the first that fails.
func (t *journalTest) run(ctx context.Context) error {
	t.began = time.Now()
	t.mail = newProbeMail(t.way, strings.ToLower(rand.Text()), t.began)
	defer func() {
		if t.probe != nil {
			t.probe.close() // nothing is waited for any more
		}
	}()
	for _, s := range []probeStep{
		{"connect", t.connect}, {"tls", t.encrypt}, {"login", t.login}, {"recipient", t.envelope},
		{"message", t.deliver}, {"archived", t.await},
	} {
		said, err := s.take(ctx)
		if err != nil {
			fmt.Fprintf(t.out, "FAILED  %-11s%s\n", s.name, clean(err.Error()))
			return fail(s.name, err, t.wayOut(err))
		}
		if said == "" {
			continue
		}
		if _, err := fmt.Fprintf(t.out, "ok      %-11s%s\n", s.name, clean(said)); err != nil {
			return err
		}
	}
	return nil
}

func (t *journalTest) connect(ctx context.Context) (string, error) {
	var err error
	if t.probe, err = dialProbe(ctx, t.listener, t.at); err != nil {
		return "", err
	}
	if t.listener.TLSOnConnect {
		if err := t.probe.encrypt(ctx); err != nil {
			return "", fmt.Errorf("TLS at once: %w", err)
		}
	}
	greeting, err := t.probe.greet()
	if err != nil {
		return "", err
	}
	where := fmt.Sprintf("%s %q at %s: %s", t.listener.Kind, t.listener.Name, t.at, greeting)
	return where, t.probe.hello()
}

func (t *journalTest) encrypt(ctx context.Context) (string, error) {
	switch {
	case t.probe.encrypted != nil:
	case t.probe.offers("STARTTLS"):
		if err := t.probe.startTLS(ctx); err != nil {
			return "", err
		}
		if err := t.probe.hello(); err != nil {
			return "", err
		}
	case t.listener.TLS || t.way.TLSRequired:
		return "", errors.New("STARTTLS is not offered")
	default:
		return "", nil
	}
	return describeTLS(t.probe.encrypted, t.way.Hostname, time.Now()), nil
}

func (t *journalTest) login(context.Context) (string, error) {
	if t.way.User == "" {
		return "", nil
	}
	if !slices.Contains(strings.Fields(t.probe.extensions["AUTH"]), "PLAIN") {
		return "", errors.New("AUTH PLAIN is not offered")
	}
	if t.probe.encrypted == nil && !staysHere(&policy.Listener{Listen: t.at}) {
		return "", errors.New("the password is not sent without TLS")
	}
	password, err := readPassword(t.passwordFile)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("as %s, with AUTH PLAIN", t.way.User), t.probe.login(t.way.User, password)
}

// errStoredKeys: the password is not known.
var errStoredKeys = errors.New("the file has what SCRAM stores, which is not enough to log in")

// readPassword reads the first line of a password file.
func readPassword(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("password file %s: %w", path, reasonOf(err))
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	if !lines.Scan() || lines.Text() == "" {
		return "", fmt.Errorf("password file %s: its first line is empty", path)
	}
	if strings.HasPrefix(lines.Text(), "SCRAM-") {
		return "", fmt.Errorf("password file %s: %w", path, errStoredKeys)
	}
	return lines.Text(), nil
}

func (t *journalTest) envelope(context.Context) (string, error) {
	return t.mail.address, t.probe.envelope(t.mail.sender, t.mail.address)
}

func (t *journalTest) deliver(context.Context) (string, error) {
	var err error
	t.reply, err = t.probe.data(t.mail.text)
	if err == nil {
		t.probe.quit()
	}
	return t.reply, err
}

// pollInterval is how often the archive is asked for the probe.
const pollInterval = 100 * time.Millisecond

// await waits until the probe is in the archive, or was skipped.
func (t *journalTest) await(ctx context.Context) (string, error) {
	for {
		for e, err := range t.store.List(ctx, archive.Query{MessageID: t.mail.id, Limit: 1}) {
			if err != nil {
				return "", err
			}
			return t.judged(&e)
		}
		for e, err := range t.store.Events(ctx, archive.Query{Kind: archive.EventSkip, Since: t.began.Add(-time.Minute)}) {
			if err == nil && e.MessageID == t.mail.id {
				return "", &notArchived{fmt.Sprintf("the policy skips it, by %s: event %d", ruleAt(e.Decision.Rule, e.Decision.At), e.ID)}
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not in the archive: %w", t.mail.id, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

// judged says how the probe stands in the archive.
func (t *journalTest) judged(e *entry) (string, error) {
	by := "no rule matches"
	if e.Decision.Rule != "" {
		by = "by " + ruleAt(e.Decision.Rule, e.Decision.At)
	}
	said := fmt.Sprintf("entry %d of tenant %s, %s: %s", e.ID, e.Tenant, e.Decision.Action, by)
	if !t.way.Report {
		return said, nil
	}
	if e.Evidence != "report" || e.Sender != t.mail.sender || !slices.Equal(e.Recipients, []string{t.mail.recipient}) {
		return "", &notBelieved{e.ID, e.Flags}
	}
	return said + "; the report was read", nil
}

// notArchived: the probe was taken, but is not in the archive.
type notArchived struct{ text string }

func (e *notArchived) Error() string { return e.text }

// notBelieved: what the probe's report says was not believed.
type notBelieved struct {
	id    uint64
	flags []string
}

func (e *notBelieved) Error() string {
	return fmt.Sprintf("entry %d was archived, but its report was not believed: %s", e.id, strings.Join(e.flags, " "))
}

// wayOut says what to change about a step that failed.
func (t *journalTest) wayOut(err error) string {
	no, refused := errors.AsType[*refusal](err)
	_, skipped := errors.AsType[*notArchived](err)
	_, doubted := errors.AsType[*notBelieved](err)
	switch {
	case skipped:
		return "see daybook policy explain, and the rule"
	case doubted:
		return "add allow_from with this peer, or auth, to the journal"
	case errors.Is(err, errStoredKeys):
		return "name a file with the password with --password-file"
	case errors.Is(err, context.DeadlineExceeded):
		return "see daybook status and the daemon's log, or give more time with --timeout"
	case !refused:
		return "see the daemon's log"
	case no.code == 535:
		return "correct the password file of the journal, or name another with --password-file"
	case no.code/100 == 4 && t.way.Suspended:
		return "the policy suspends the journal: remove suspended = true and reload"
	case no.code/100 == 4:
		return "see daybook status and the daemon's log"
	case no.code == 530:
		return "give the listener a certificate with tls_cert and tls_key"
	case strings.Contains(no.text, "5.1.1"):
		return "the journal's address, or its via, has changed: try again"
	case len(t.way.AllowFrom) > 0:
		return "allow_from does not have this peer, and this is what any stranger gets; to test more, name with --server an address " +
			"of this machine that is within allow_from, or add 127.0.0.1 to it"
	}
	return "see the daemon's log"
}
