package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// requests are those under way. http.Server.Close does not wait for them, and one
// that was read just before may begin after it.
type requests struct {
	// running is held for reading by each request, and for writing at the end.
	running sync.RWMutex
}

// count has a handler's requests counted, and refused after the end.
func (r *requests) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !r.running.TryRLock() {
			http.Error(w, "the daemon is stopping", http.StatusServiceUnavailable)
			return
		}
		defer r.running.RUnlock()
		h.ServeHTTP(w, req)
	})
}

// end lets no more requests begin and waits for those under way.
func (r *requests) end(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		r.running.Lock() // for good
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the requests of commands: %w", ctx.Err())
	}
}
