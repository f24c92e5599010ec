package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"sync"
	"time"
)

// profiler takes profiles of this process, one at a time: what they switch on is the
// process's.
type profiler struct{ taking sync.Mutex }

// debug answers with a profile.
func (c *control) debug(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	write := profiles()[kind]
	seconds, err := strconv.Atoi(r.URL.Query().Get("seconds"))
	if write == nil || err != nil || seconds < 1 || seconds > maxProfileSeconds {
		refuseRequest(w, http.StatusBadRequest, refuse(kind, errors.New("there is no such profile, or not for so long"), "see daybook debug --help"))
		return
	}
	if !c.profiler.taking.TryLock() {
		refuseRequest(w, http.StatusBadRequest, refuse(kind, errors.New("another profile is being taken"), "wait for its end"))
		return
	}
	defer c.profiler.taking.Unlock()
	answerRaw(w, func(w io.Writer) error { return write(r.Context(), time.Duration(seconds)*time.Second, w) })
}

// profiles are the writers of profiles, by kind. Those that watch the process do so
// for a time.
func profiles() map[string]func(ctx context.Context, d time.Duration, w io.Writer) error {
	return map[string]func(context.Context, time.Duration, io.Writer) error{
		"profile": func(ctx context.Context, d time.Duration, w io.Writer) error {
			return watch(ctx, d, func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
		},
		"trace": func(ctx context.Context, d time.Duration, w io.Writer) error {
			return watch(ctx, d, func() error { return trace.Start(w) }, trace.Stop)
		},
		"mutex": func(ctx context.Context, d time.Duration, w io.Writer) error {
			on := func() error { runtime.SetMutexProfileFraction(mutexEvery); return nil }
			err := watch(ctx, d, on, func() { runtime.SetMutexProfileFraction(0) })
			return errors.Join(err, writeProfile("mutex", w))
		},
		"block": func(ctx context.Context, d time.Duration, w io.Writer) error {
			on := func() error { runtime.SetBlockProfileRate(int(blockEvery)); return nil }
			err := watch(ctx, d, on, func() { runtime.SetBlockProfileRate(0) })
			return errors.Join(err, writeProfile("block", w))
		},
		"heap": func(_ context.Context, _ time.Duration, w io.Writer) error {
			runtime.GC() // what is in use is known as of the last collection
			return writeProfile("heap", w)
		},
		"allocs":    func(_ context.Context, _ time.Duration, w io.Writer) error { return writeProfile("allocs", w) },
		"goroutine": func(_ context.Context, _ time.Duration, w io.Writer) error { return writeProfile("goroutine", w) },
	}
}

func writeProfile(name string, w io.Writer) error { return pprof.Lookup(name).WriteTo(w, 0) }

// watch has something on for a time, or until ctx ends.
func watch(ctx context.Context, d time.Duration, on func() error, off func()) error {
	if err := on(); err != nil {
		return err
	}
	defer off()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("watching the daemon: %w", ctx.Err())
	}
}
