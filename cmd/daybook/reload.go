package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"daybook/archive"
	"daybook/policy"
)

// reloadResult is what daybook policy reload tells.
type reloadResult struct {
	Policy string `json:"policy"` // the digest of the policy that judges now
	// Changed is false when the text is the same as before.
	Changed bool `json:"changed"`
	Tenants int  `json:"tenants"`
	Sources int  `json:"sources"`
	Rules   int  `json:"rules"`
	Tests   int  `json:"tests"`
}

func newReloadResult(pol *policy.Policy, changed bool) *reloadResult {
	return &reloadResult{
		Policy: fmt.Sprintf("%x", pol.Digest), Changed: changed, Tenants: len(pol.Tenants),
		Sources: len(pol.Milters) + len(pol.Journals), Rules: len(pol.Rules), Tests: len(pol.Tests),
	}
}

// reloadAt reads the policy again at each signal.
func (d *daemon) reloadAt(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			_, _ = d.reload(ctx, "SIGHUP") // it is logged
		}
	}
}

// reload reads the policy again, and when nothing is wrong with it has it judge
// the messages from now on. Its text is kept first. The error is logged too.
func (d *daemon) reload(ctx context.Context, actor string) (*reloadResult, error) {
	// The files may lie on a disk that does not answer: the end does not wait for that.
	d.reading.Lock()
	defer d.reading.Unlock()
	pol, err := d.settings()
	if err == nil {
		err = d.checkReload(pol)
	}
	var certificates []*tls.Config
	if err == nil {
		certificates, err = loadCertificates(d.inOrder(pol))
	}
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if d.ended {
		return nil, archive.ErrClosed
	}
	before := d.ingest.Policy()
	changed := err == nil && pol.Digest != before.Digest
	if changed || err == nil && d.unkept {
		// Who asked may have gone: a policy whose event is written has to judge.
		err = d.keepPolicy(context.WithoutCancel(ctx), pol, actor, suspensions(before, pol))
	}
	if err != nil {
		for _, mistake := range mistakes(err) {
			d.log.Error("wrong in the policy", "by", actor, "error", mistake)
		}
		d.log.Error("the policy stays as it was", "by", actor, "policy", fmt.Sprintf("%.6x", before.Digest), "error", err)
		d.refused.Store(&refusedReload{at: time.Now().UTC(), text: fmt.Sprintf("by %s: %v", actor, err)})
		return nil, err
	}
	for i, id := range d.identities {
		if id != nil {
			id.current.Store(certificates[i])
		}
	}
	d.ingest.SetPolicy(pol)
	d.kept()
	d.refused.Store(nil)
	warnOfCertificates(d.log, d.inOrder(pol), certificates, time.Now())
	warnOf(d.log, pol)
	d.log.Info("policy reloaded", "by", actor, "policy", fmt.Sprintf("%.6x", pol.Digest), "changed", changed)
	return newReloadResult(pol, changed), nil
}

// refusedReload is a reload that changed nothing because something was wrong.
type refusedReload struct {
	at   time.Time
	text string
}

// maxMistakes bounds the mistakes of a policy that are logged.
const maxMistakes = 50

// mistakes gives what is wrong with a policy where that is more than one thing, which
// an error says in one line.
func mistakes(err error) (list []string) {
	if wrong, ok := errors.AsType[*policy.Error](err); ok {
		for _, d := range wrong.Diagnostics {
			list = append(list, d.String())
		}
	}
	if failed, ok := errors.AsType[*policy.TestError](err); ok {
		for _, f := range failed.Failures {
			list = append(list, f.String())
		}
	}
	if len(list) < 2 {
		return nil
	}
	return list[:min(len(list), maxMistakes)]
}

// checkReload finds what cannot change while the daemon runs.
func (d *daemon) checkReload(pol *policy.Policy) error {
	const wayOut = "restart the daemon for that, or put it back"
	server := pol.Server
	server.MaxMessage = d.pol.Server.MaxMessage // what it means is in the ways in
	server.MaxInFlight = d.pol.Server.MaxInFlight
	if server != d.pol.Server {
		return refuse("server", fmt.Errorf("the block has changed: %s", strings.Join(changedKeys(server, d.pol.Server), ", ")), wayOut)
	}
	was, is := ways(d.pol), ways(pol)
	for name, way := range was {
		switch now, ok := is[name]; {
		case !ok:
			return refuse(name, errors.New("it is gone"), wayOut)
		case !reflect.DeepEqual(way, now):
			return refuse(name, errors.New("it listens otherwise"), wayOut)
		}
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			return refuse(name, errors.New("it is new"), wayOut)
		}
	}
	return nil
}

// changedKeys names the keys of the server block that differ.
func changedKeys(a, b policy.Server) []string {
	var list []string
	for _, key := range []struct {
		name   string
		differ bool
	}{
		{"data", a.Data != b.Data}, {"hostname", a.Hostname != b.Hostname}, {"min_free", a.MinFree != b.MinFree},
		{"control", a.Control != b.Control}, {"metrics", a.Metrics != b.Metrics},
		{"log_level", a.LogLevel != b.LogLevel}, {"log_format", a.LogFormat != b.LogFormat},
	} {
		if key.differ {
			list = append(list, key.name)
		}
	}
	return list
}

// inOrder gives the listeners of a policy that checkReload has let through, in the
// order in which the daemon made them.
func (d *daemon) inOrder(pol *policy.Policy) []policy.Listener {
	list := make([]policy.Listener, len(d.pol.Listeners))
	for i := range list {
		list[i] = *pol.Listener(d.pol.Listeners[i].Name)
	}
	return list
}

// ways gives what a policy says about how its milters and listeners listen. Which
// files a certificate is in may change.
func ways(pol *policy.Policy) map[string]any {
	ways := make(map[string]any)
	for _, m := range pol.Milters {
		ways["milter "+m.Name] = m.Listen
	}
	for _, l := range pol.Listeners {
		encrypts := l.TLSCert != ""
		l.TLSCert, l.TLSKey, l.ClientCA = "", "", ""
		ways[l.Kind+" "+l.Name] = struct {
			policy.Listener
			encrypts bool
		}{l, encrypts}
	}
	return ways
}

// keepInterval is how often keeping the text is tried when the disk was too full.
const keepInterval = time.Second

// keepLater keeps the text of the policy that the daemon was started with when there
// is room for it: a disk that is too full does not keep a daemon from starting. Until
// then mail is deferred.
func (d *daemon) keepLater(ctx context.Context) {
	for ctx.Err() == nil {
		err := d.keepStart(ctx)
		if err == nil {
			return
		}
		if !errors.Is(err, archive.ErrNoSpace) {
			d.log.Error("mail is deferred until the policy is reloaded", "policy", fmt.Sprintf("%.6x", d.pol.Digest), "error", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(keepInterval):
		}
	}
}

// keepStart keeps that text now if there is room.
func (d *daemon) keepStart(ctx context.Context) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if !d.unkept || d.ended {
		return nil
	}
	if err := d.archive.Room(); err != nil {
		return err
	}
	if err := d.keepPolicy(context.WithoutCancel(ctx), d.pol, "start", suspensions(&policy.Policy{}, d.pol)); err != nil {
		return err
	}
	d.kept()
	return nil
}

// kept has mail taken once the text of the policy that judges it is kept. Its caller
// holds d.reloading.
func (d *daemon) kept() {
	d.unkept = false
	d.ingest.Hold(false)
}

// keepFirst keeps the text of the policy that the daemon starts with, unless it is
// the one that judged last.
func (d *daemon) keepFirst(ctx context.Context) error {
	if last, err := d.archive.LastPolicy(); err == nil && last.Digest == d.pol.Digest {
		return nil
	}
	err := d.keepPolicy(ctx, d.pol, "start", suspensions(&policy.Policy{}, d.pol))
	if errors.Is(err, archive.ErrNoSpace) {
		d.log.Warn("mail is deferred until there is room for the policy's text", "error", err)
		d.unkept = true
		return nil
	}
	return err
}

// keepPolicy records that a policy becomes active, and keeps its text. Changes is
// what the event says of it besides.
func (d *daemon) keepPolicy(ctx context.Context, pol *policy.Policy, actor, changes string) error {
	files := make([]archive.PolicyFile, 0, len(pol.Files))
	for _, f := range pol.Files {
		files = append(files, archive.PolicyFile{Name: f.Name, Size: f.Size, SHA256: f.SHA256, Body: fileBody(f.Path)})
	}
	_, err := d.archive.KeepPolicy(ctx, pol.Digest, files, archive.Event{
		Time: time.Now(), Actor: actor,
		Text: fmt.Sprintf("the policy %.6x judges from now on: %s, %s", pol.Digest,
			plural(len(pol.Rules), "rule", "rules"), plural(len(pol.Tenants), "tenant", "tenants")) + changes,
	})
	if err != nil {
		return fail("", fmt.Errorf("the policy's text cannot be kept: %w", err), "")
	}
	return nil
}

// suspensions names the sources that one policy suspends and the other does not.
func suspensions(before, now *policy.Policy) string {
	var suspended, active []string
	for _, name := range sourceNames(now) {
		was, is := before.Source(name), now.Source(name)
		switch wasSuspended := was != nil && was.Suspended; {
		case is.Suspended && !wasSuspended:
			suspended = append(suspended, name)
		case !is.Suspended && wasSuspended:
			active = append(active, name)
		}
	}
	return named("; suspended: ", suspended) + named("; active again: ", active)
}

// maxNamed bounds the names in an event.
const maxNamed = 20

// named lists names behind a word, and nothing when there are none.
func named(word string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	text := word + strings.Join(list[:min(len(list), maxNamed)], ", ")
	if len(list) > maxNamed {
		text += fmt.Sprintf(" and %d more", len(list)-maxNamed)
	}
	return text
}

// fileBody is the path of a file that is open only while it is read: a policy may
// have more files than a process may open.
type fileBody string

// ReadAt reads from the file (io.ReaderAt).
func (path fileBody) ReadAt(p []byte, offset int64) (int, error) {
	f, err := os.Open(string(path))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, offset)
}
