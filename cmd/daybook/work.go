package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// workItem is one line of the stream of long work in the daemon: something found, the
// result at the end, or how far it has come.
type workItem[F, R any] struct {
	Done   int64 `json:"done"`
	Total  int64 `json:"total"`
	Found  *F    `json:"found,omitempty"`
	Result *R    `json:"result,omitempty"`
}

// progressInterval is how often work reports how far it has come.
const progressInterval = 200 * time.Millisecond

// answerWork does long work, and answers with a stream of what it is told of it, which
// may be told by several goroutines.
func answerWork[F, R any](w http.ResponseWriter, work func(shown func(done, total int64), found func(F)) (R, error)) {
	flush := http.NewResponseController(w)
	var mu sync.Mutex // guards what follows
	lines, n, last := newLines(w), uint64(0), time.Time{}
	put := func(item workItem[F, R]) {
		n++
		_ = lines.Encode(frame[workItem[F, R]]{Item: &item}) // an error ends the request's context
		_ = flush.Flush()
	}
	result, err := work(func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= progressInterval {
			last = now
			put(workItem[F, R]{Done: done, Total: total})
		}
	}, func(found F) {
		mu.Lock()
		defer mu.Unlock()
		put(workItem[F, R]{Found: &found})
	})
	if err != nil {
		_ = lines.Encode(frame[workItem[F, R]]{Error: newWireFault(err)})
		return
	}
	put(workItem[F, R]{Result: &result})
	_ = lines.Encode(frame[workItem[F, R]]{Lines: &n})
}

// remoteWork has the daemon do long work: the other side of answerWork.
func remoteWork[F, R any](ctx context.Context, r *remote, method, path string, body io.Reader, shown func(done, total int64), found func(F)) (result R, err error) {
	resp, err := r.do(ctx, method, path, body)
	if err != nil {
		return result, err
	}
	defer resp.Body.Close()
	whole := false
	for item, err := range readStream[workItem[F, R]](resp.Body) {
		switch {
		case err != nil:
			return result, err
		case item.Found != nil:
			found(*item.Found)
		case item.Result != nil:
			result, whole = *item.Result, true
		default:
			shown(item.Done, item.Total)
		}
	}
	if !whole {
		return result, errors.New("the daemon's answer is not complete")
	}
	return result, nil
}
