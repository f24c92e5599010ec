package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"daybook/archive/ingest"
	"daybook/archive/message"
	"daybook/policy"
)

type policyExplainCmd struct {
	place    `embed:""`
	Message  []string `arg:"" help:"Numbers of entries, or a message's file."`
	Recorded bool     `help:"Judge by the policy that decided when the entry came in."`
	Source   string   `placeholder:"NAME" help:"The milter or journal by which the message comes in; for entries, in place of their own."`
	Sender   *string  `placeholder:"ADDRESS" help:"The envelope sender of the file."`
	Rcpt     []string `placeholder:"ADDRESS" sep:"none" help:"An envelope recipient of the file; once for each."`
	Client   string   `placeholder:"IP" help:"The address of the client that sends the file."`
	Helo     string   `placeholder:"NAME" help:"What it says in HELO."`
	User     string   `placeholder:"NAME" help:"Who it logged in as."`
	Received instant  `placeholder:"TIME" help:"When the file comes in; without it now."`
	JSON     bool     `name:"json" help:"One JSON object a line."`
}

// Help is the long help of the command.
func (*policyExplainCmd) Help() string {
	return `Shows for each tenant what is decided about a message, and how that comes about: what its addresses count as, every rule that was tried with its value and the terms of its condition that were looked at, and the words of the source. Nothing is changed.

Of an archived entry, the recorded decision is shown as well. The policy is that of --config; without it, the one that became active last, as the archive has kept it; with --recorded, the one that decided then. For a file, --sender and --rcpt give the envelope; one whose name is a number is written as ./2.

Exit status: 0 when all was explained, 1 when a message is damaged or the work failed, 2 for wrong flags, a number that is not there, a policy that is wrong or does not have the source, and a data folder that cannot be read.`
}

// Run explains.
func (c *policyExplainCmd) Run(env *environment) error {
	if _, err := strconv.ParseUint(c.Message[0], 10, 64); err != nil {
		return c.explainFile(env)
	}
	var ids []entryID
	for _, text := range c.Message {
		var id entryID
		if err := id.UnmarshalText([]byte(text)); err != nil {
			return refuse("", err, "name entries only, or one file")
		}
		ids = append(ids, id)
	}
	if c.Sender != nil || c.Rcpt != nil || c.Client+c.Helo+c.User != "" || !c.Received.IsZero() {
		return refuse("", errors.New("an entry has its own envelope"),
			"leave out --sender, --rcpt, --client, --helo, --user and --received, or name a file")
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		judge := judges{cmd: c, store: s, loaded: make(map[string]*policy.Policy)}
		for i, id := range ids {
			if i > 0 && !c.JSON {
				fmt.Fprintln(env.stdout)
			}
			if err := c.explainEntry(env, s, &judge, uint64(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// judges finds the policy that judges an entry, and reads each but once.
type judges struct {
	cmd    *policyExplainCmd
	store  store
	loaded map[string]*policy.Policy
}

func (j *judges) of(ctx context.Context, e *entry) (*policy.Policy, error) {
	key := ""
	if j.cmd.Recorded {
		if key = e.Decision.Policy; key == "" {
			return nil, refuse(fmt.Sprintf("entry %d", e.ID), errors.New("no policy was recorded for it"), "leave --recorded out")
		}
	}
	if pol := j.loaded[key]; pol != nil {
		return pol, nil
	}
	pol, err := j.load(ctx, key)
	if err == nil {
		j.loaded[key] = pol
	}
	return pol, err
}

func (j *judges) load(ctx context.Context, recorded string) (*policy.Policy, error) {
	if recorded == "" && j.cmd.Config != "" {
		return loadPolicy(j.cmd.Config, "--config")
	}
	kept, err := latestPolicy(ctx, j.store)
	if recorded != "" {
		kept, err = findPolicy(ctx, j.store, recorded)
	}
	if err != nil {
		return nil, err
	}
	return kept.load(ctx, j.store)
}

func (c *policyExplainCmd) explainEntry(env *environment, s store, judge *judges, id uint64) error {
	e, err := s.Entry(env.ctx, id)
	if err != nil {
		return err
	}
	pol, err := judge.of(env.ctx, &e)
	if err != nil {
		return err
	}
	body := &storedBody{ctx: env.ctx, store: s, id: id, size: e.Size}
	defer body.close()
	a := e.arrival(body)
	if c.Source != "" {
		a.Source = c.Source
	}
	x, err := explainArrival(pol, a)
	if body.err != nil {
		err = body.err
	}
	if err != nil {
		return err
	}
	x.ID, x.Recorded = id, &recordedDecision{Tenant: e.Tenant, decision: e.Decision}
	return x.write(env, c.JSON)
}

// explainFile explains what would be decided about a message in a file.
func (c *policyExplainCmd) explainFile(env *environment) error {
	path := c.Message[0]
	if err := c.checkFile(); err != nil {
		return err
	}
	file, err := openMessage(path)
	if err != nil {
		return err
	}
	pol, err := c.filePolicy(env)
	if err != nil {
		return err
	}
	x, err := explainArrival(pol, c.arrival(pol, file))
	if err != nil {
		return err
	}
	x.File = path
	return x.write(env, c.JSON)
}

// checkFile refuses what does not go with a file.
func (c *policyExplainCmd) checkFile() error {
	_, badIP := netip.ParseAddr(c.Client)
	switch {
	case len(c.Message) > 1:
		return refuse(c.Message[1], errors.New("there is more than one file"), "name entries only, or one file")
	case c.Recorded:
		return refuse("--recorded", errors.New("nothing was decided about a file"), "leave it out")
	case c.Sender == nil:
		return refuse("--sender", errors.New("the envelope sender is missing"), "name it, or write --sender= for the null sender of bounces")
	case len(c.Rcpt) == 0:
		return refuse("--rcpt", errors.New("there is no envelope recipient"), "name each with --rcpt ADDRESS")
	case c.Client != "" && badIP != nil:
		return refuse("--client "+c.Client, errors.New("it is not an IP address"), "write it as 192.0.2.1 or 2001:db8::1")
	}
	return nil
}

// filePolicy gives the policy that judges a file. Without --config that takes the
// archive.
func (c *policyExplainCmd) filePolicy(env *environment) (pol *policy.Policy, err error) {
	if c.Config != "" {
		return loadPolicy(c.Config, "--config")
	}
	err = withStore(env.ctx, &c.place, func(s store) error {
		kept, err := latestPolicy(env.ctx, s)
		if err == nil {
			pol, err = kept.load(env.ctx, s)
		}
		return err
	})
	return pol, err
}

// arrival gives the file as it would come in. A source that is the only one need not
// be named.
func (c *policyExplainCmd) arrival(pol *policy.Policy, file *fileMessage) *ingest.Arrival {
	p := peer{Client: c.Client, Helo: c.Helo, User: c.User}
	a := &ingest.Arrival{
		Source: c.Source, Received: c.Received.Time, Envelope: p.envelope(*c.Sender, c.Rcpt),
		Summary: message.Summarize(file.head), Body: file, Size: file.size,
	}
	if names := sourceNames(pol); a.Source == "" && len(names) == 1 {
		a.Source = names[0]
	}
	if a.Received.IsZero() {
		a.Received = time.Now()
	}
	return a
}

func sourceNames(pol *policy.Policy) []string {
	var names []string
	for i := range pol.Milters {
		names = append(names, pol.Milters[i].Name)
	}
	for i := range pol.Journals {
		names = append(names, pol.Journals[i].Name)
	}
	return names
}
