package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"daybook/archive"
	"daybook/archive/ingest"
	"daybook/policy"
)

const (
	// stopTimeout is how long messages on their way may take when the daemon stops,
	// which is over within 30 seconds: commands get twice serviceTimeout.
	stopTimeout = 26 * time.Second
	// serviceTimeout is how long commands may take then to read their answers.
	serviceTimeout = 2 * time.Second
	// lockTimeout is how long the daemon waits for commands that read the archive.
	lockTimeout  = 10 * time.Second
	lockInterval = 100 * time.Millisecond
)

// daemon is a running daybook serve.
type daemon struct {
	// pol is the policy that the daemon was started with. How it runs does not
	// change; what judges the messages is that of ingest.
	pol *policy.Policy
	// settings reads the policy again.
	settings   func() (*policy.Policy, error)
	reading    sync.Mutex                    // held while the policy is read; before reloading
	reloading  sync.Mutex                    // held while the policy changes
	refused    atomic.Pointer[refusedReload] // the last reload, if it was refused
	unkept     bool                          // the disk was too full to keep the text of pol; guarded by reloading
	ended      bool                          // the archive is closed, or about to be; guarded by reloading
	log        *slog.Logger
	started    time.Time
	archive    *archive.Archive
	ingest     *ingest.Ingest
	identities []*identity // of the listeners; nil for those without TLS
	mail       []*door     // the ways in, in the order of the policy: milters first
	service    []*door     // the control socket, and metrics
	// endService ends what the service doors are doing for others.
	endService context.CancelFunc
	requests   requests // of the service doors
}

// startDaemon has everything listen. Until it is sure that it can, it changes
// nothing: what keeps a daemon from starting is looked for first, and sockets that
// were made are removed again.
func startDaemon(ctx context.Context, pol *policy.Policy, log *slog.Logger, settings func() (*policy.Policy, error)) (_ *daemon, err error) {
	d := &daemon{pol: pol, settings: settings, log: log, started: time.Now().UTC()}
	stopped := ctx
	ctx, d.endService = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			d.abandon()
		}
	}()
	if err := checkData(pol.Server.Data); err != nil {
		return nil, err
	}
	if err := d.checkAlone(ctx); err != nil {
		return nil, err
	}
	certificates, err := loadCertificates(pol.Listeners)
	if err != nil {
		return nil, err
	}
	if err := d.openDoors(); err != nil {
		return nil, err
	}
	if err := d.openArchive(stopped); err != nil {
		return nil, err
	}
	if err := d.keepFirst(ctx); err != nil {
		return nil, err
	}
	d.identities = newIdentities(certificates)
	warnOfCertificates(log, pol.Listeners, certificates, d.started)
	warnOf(log, pol)
	d.setServers(ctx)
	control := d.service[0]
	return d, control.open(controlSocketMode)
}

// checkData finds out whether there can be an archive in a folder.
func checkData(dir string) error {
	const wayOut = "name another folder with --data"
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return checkParent(dir)
	}
	switch {
	case err != nil:
		return refuse(dir, reasonOf(err), wayOut)
	case !info.IsDir():
		return refuse(dir, errors.New("it is not a folder"), wayOut)
	}
	const readWriteEnter = 4 | 2 | 1
	if err := syscall.Access(dir, readWriteEnter); err != nil {
		return refuse(dir, err, "run daybook as the user who owns it, or "+wayOut)
	}
	return nil
}

// checkParent finds out whether a folder that is not there can be made.
func checkParent(dir string) error {
	const wayOut = "make it, or name another folder with --data"
	if _, err := os.Lstat(dir); err == nil {
		return refuse(dir, errors.New("it is a link to nowhere"), wayOut)
	}
	parent, err := filepath.Abs(dir)
	for err == nil {
		parent = filepath.Dir(parent)
		var info fs.FileInfo
		if info, err = os.Stat(parent); err == nil && !info.IsDir() {
			return refuse(dir, errors.New(parent+" is not a folder"), wayOut)
		} else if err == nil {
			break
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	const writeEnter = 2 | 1
	if err == nil {
		err = syscall.Access(parent, writeEnter)
	}
	if err != nil {
		return refuse(dir, reasonOf(err), wayOut)
	}
	return nil
}

// checkAlone finds out whether another daemon serves the data already.
func (d *daemon) checkAlone(ctx context.Context) error {
	r, err := dialControl(ctx, d.pol.Server.Control.Address)
	if errors.Is(err, errNoDaemon) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(openFault(d.pol.Server.Data, archive.ErrLocked), r.Close())
}

// openDoors binds everything but the control socket, whose folder may have to be
// made first.
func (d *daemon) openDoors() error {
	for _, m := range d.pol.Milters {
		d.mail = append(d.mail, &door{name: "milter " + m.Name, listen: m.Listen})
	}
	for _, l := range d.pol.Listeners {
		d.mail = append(d.mail, &door{name: l.Kind + " " + l.Name, listen: l.Listen})
	}
	d.service = []*door{{name: "control socket", listen: d.pol.Server.Control}}
	for _, door := range d.mail {
		if err := door.open(mailSocketMode); err != nil {
			return err
		}
	}
	if m := d.pol.Server.Metrics; m.IsSet() && !m.IsOff() {
		metrics := &door{name: "metrics", listen: m}
		d.service = append(d.service, metrics)
		return metrics.open(mailSocketMode)
	}
	return nil
}

func (d *daemon) openArchive(ctx context.Context) (err error) {
	dir := d.pol.Server.Data
	d.archive, err = d.waitForArchive(ctx, archive.Options{
		MinFree: uint64(d.pol.Server.MinFree),
		Logger:  d.log,
		Fatal: func(err error) {
			d.log.Error("the archive cannot go on", "error", err)
			os.Exit(statusFailed)
		},
	})
	if err == nil {
		for _, damage := range d.archive.Damage() {
			d.log.Error("the archive is damaged", "error", damage.Error())
		}
		err = d.makeSpool()
	}
	if err == nil {
		return nil
	}
	reason, ok := errors.AsType[*fs.PathError](err)
	if ok && isEnvironment(reason.Err) {
		return refuse(reason.Path, reason.Err, "name another folder with --data, or make room for it")
	}
	return openFault(dir, err)
}

// waitForArchive opens the archive. A command that reads it keeps the daemon away
// only for as long as it runs, so that is waited for; another daemon is not.
func (d *daemon) waitForArchive(ctx context.Context, o archive.Options) (*archive.Archive, error) {
	dir := d.pol.Server.Data
	end := time.Now().Add(lockTimeout)
	for told := false; ; told = true {
		a, err := archive.Open(dir, o)
		if !errors.Is(err, archive.ErrLocked) || time.Now().After(end) {
			return a, err
		}
		if err := d.checkAlone(ctx); err != nil {
			return nil, err
		}
		if !told {
			d.log.Info("waiting for a command that reads the archive", "data", dir)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the archive: %w", ctx.Err())
		case <-time.After(lockInterval):
		}
	}
}

// isEnvironment tells errors that an administrator can put right from those of a
// disk that fails.
func isEnvironment(err error) bool {
	return slices.ContainsFunc([]error{
		fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT,
		syscall.ELOOP, syscall.ENAMETOOLONG,
	}, func(e error) bool { return errors.Is(err, e) })
}

// makeSpool makes the spool, and empties it of what a killed daemon may have left.
func (d *daemon) makeSpool() error {
	if err := os.MkdirAll(d.spoolDir(), 0o700); err != nil {
		return err
	}
	left, err := os.ReadDir(d.spoolDir())
	for _, file := range left {
		err = errors.Join(err, os.Remove(filepath.Join(d.spoolDir(), file.Name())))
	}
	return err
}

// spoolDir is where large messages are while they come in.
func (d *daemon) spoolDir() string { return filepath.Join(d.pol.Server.Data, "spool") }

// run serves until ctx ends or something fails, and then stops. At each signal from
// hangup it reads the policy again.
func (d *daemon) run(ctx context.Context, hangup <-chan os.Signal) error {
	var running sync.WaitGroup
	ctx, end := context.WithCancel(ctx)
	defer end()
	go d.reloadAt(ctx, hangup) // not waited for: it may be reading from a disk that hangs
	running.Go(func() { d.keepLater(ctx) })
	failed := make(chan error, len(d.mail)+len(d.service))
	for _, door := range append(append([]*door(nil), d.mail...), d.service...) {
		running.Go(func() {
			if err := door.serve(); err != nil {
				failed <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
		d.log.Info("stopping")
	case err = <-failed:
		d.log.Error("stopping", "error", err)
	}
	end()
	err = errors.Join(err, d.stop(ctx))
	running.Wait()
	if err == nil {
		d.log.Info("stopped")
	}
	return err
}

// stop ends all sessions, those with a message under way when it is over, and
// closes the archive.
func (d *daemon) stop(ctx context.Context) error {
	if err := notify("STOPPING=1"); err != nil {
		d.log.Warn("the service manager cannot be told", "error", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	mail := shutdown(ctx, d.mail)
	idle, service := d.stopService(ctx)
	if mail != nil || !idle {
		// Something may still be using the archive. What was acknowledged is safe
		// without closing it.
		return errors.Join(mail, service)
	}
	d.reloading.Lock() // what is under way still uses the archive
	defer d.reloading.Unlock()
	d.ended = true
	return errors.Join(service, d.archive.Close())
}

// stopService shuts the service doors: a command that does not read its answer
// must not hold up the end. Idle tells that no request uses the archive any more.
func (d *daemon) stopService(ctx context.Context) (idle bool, err error) {
	d.endService()
	ctx = context.WithoutCancel(ctx)
	polite, cancel := context.WithTimeout(ctx, serviceTimeout)
	defer cancel()
	if err = shutdown(polite, d.service); errors.Is(err, context.DeadlineExceeded) {
		d.log.Info("commands that do not read their answers are cut off")
		err = nil
		for _, door := range d.service {
			if server, ok := door.server.(io.Closer); ok {
				err = errors.Join(err, server.Close())
			}
		}
	}
	last, cancel := context.WithTimeout(ctx, serviceTimeout)
	defer cancel()
	if e := d.requests.end(last); e != nil {
		return false, errors.Join(err, e)
	}
	return true, err
}

// shutdown shuts doors, all at the same time.
func shutdown(ctx context.Context, doors []*door) error {
	var wait sync.WaitGroup
	errs := make([]error, len(doors))
	for i, door := range doors {
		wait.Go(func() { errs[i] = door.server.Shutdown(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// abandon takes back what was done for a start that failed.
func (d *daemon) abandon() {
	d.endService()
	for _, door := range append(d.mail, d.service...) {
		if door.listener != nil {
			door.listener.Close() // its error would hide why the start failed
		}
	}
	if d.archive != nil {
		d.archive.Close() // as above
	}
}
