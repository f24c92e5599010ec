package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// The control socket speaks HTTP with JSON, to the same user only (its mode is
// 0600). GET reads and changes nothing.
//
//	GET /v1/version             the daemon's version
//	GET /v1/status              as daybook status --json
//	GET /v1/entries?PARAMETERS  a stream of entries (see stream.go)
//	GET /v1/entries/ID          one entry
//	GET /v1/entries/ID/raw      the message; the trailer Daybook-End is "ok" or
//	                            the error that cut it short
//	GET /v1/entries/ID/originals/N
//	                            the mail inside a journal's delivery, from 1 on, likewise
//	GET /v1/messages?PARAMETERS a stream of messages
//	GET /v1/messages/ID         the message that an entry belongs to
//	GET /v1/joins/ID/ID         a comparison of two entries; with 0 for the second, of
//	                            the first one with its message
//	GET /v1/view?source=NAME    how the mail of a source is shown
//	GET /v1/journals/NAME       what there is to know to deliver to a journal
//	GET /v1/events?PARAMETERS   a stream of events
//	GET /v1/policies?PARAMETERS a stream of the policies that became active
//	GET /v1/policies/DIGEST     one of them, as it was kept last
//	GET /v1/policies/DIGEST/file?name=NAME
//	                            a file of it, with the trailer of a message
//	GET /v1/verify              a stream of what is done and found, and the result
//	GET /v1/orphans             the same, of contents that nothing needs
//	GET /v1/dictionaries        a stream of the dictionaries that the archive trained
//	GET /v1/debug/KIND?seconds=N
//	                            a profile of the daemon, with the trailer of a message
//
// POST has the daemon do something.
//
//	POST /v1/policy/reload          reads the policy again; answers a reloadResult
//	POST /v1/quarantine/ID/release  takes a verdict, answers its event
//	POST /v1/quarantine/ID/keep     the same
//	POST /v1/compact                takes a compactOrder; a stream of what is done, and
//	                                the result
//	POST /v1/dictionaries?tenant=NAME
//	                                trains a dictionary; answers it when it is kept
//
// Errors are a wireFault with a status of 400, 404 or 500.
const (
	endTrailer = "Daybook-End"
	endWell    = "ok"
)

// control answers the commands.
type control struct {
	store store
	// reload reads the policy again on behalf of an actor.
	reload func(ctx context.Context, actor string) (*reloadResult, error)
	// way tells how mail comes to a journal.
	way      func(journal string) (*journalWay, error)
	profiler profiler
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/version", func(w http.ResponseWriter, _ *http.Request) { answer(w, newVersionInfo()) })
	mux.HandleFunc("GET /v1/status", c.status)
	mux.HandleFunc("GET /v1/entries", c.entries)
	mux.HandleFunc("GET /v1/entries/{id}", c.entry)
	mux.HandleFunc("GET /v1/entries/{id}/raw", c.raw)
	mux.HandleFunc("GET /v1/entries/{id}/originals/{n}", c.original)
	mux.HandleFunc("GET /v1/messages", c.messages)
	mux.HandleFunc("GET /v1/messages/{id}", c.message)
	mux.HandleFunc("GET /v1/joins/{one}/{two}", c.joins)
	mux.HandleFunc("GET /v1/view", c.view)
	mux.HandleFunc("GET /v1/journals/{name}", c.journal)
	mux.HandleFunc("GET /v1/events", c.events)
	mux.HandleFunc("GET /v1/policies", c.policies)
	mux.HandleFunc("GET /v1/policies/{digest}", c.policy)
	mux.HandleFunc("GET /v1/policies/{digest}/file", c.policyFile)
	mux.HandleFunc("POST /v1/policy/reload", c.reloadPolicy)
	mux.HandleFunc("POST /v1/quarantine/{id}/release", c.settle)
	mux.HandleFunc("POST /v1/quarantine/{id}/keep", c.settle)
	mux.HandleFunc("GET /v1/verify", c.verify)
	mux.HandleFunc("GET /v1/orphans", c.orphans)
	mux.HandleFunc("POST /v1/compact", c.compact)
	mux.HandleFunc("GET /v1/dictionaries", c.dictionaries)
	mux.HandleFunc("POST /v1/dictionaries", c.train)
	mux.HandleFunc("GET /v1/debug/{kind}", c.debug)
	return mux
}

// answer writes a value. An error of w means that the command has gone.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = newLines(w).Encode(v)
}

func refuseRequest(w http.ResponseWriter, code int, err error) {
	f := newWireFault(err)
	switch {
	case f.Kind == kindNotFound || f.Kind == kindNoPolicy:
		code = http.StatusNotFound
	case f.Status == statusUsage || f.Kind == kindNotQuarantined:
		code = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = newLines(w).Encode(f)
}

func (c *control) status(w http.ResponseWriter, r *http.Request) {
	s, err := c.store.Status(r.Context())
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, s)
}

func (c *control) entries(w http.ResponseWriter, r *http.Request) {
	q, err := decodeQuery(r.URL.Query())
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	_ = writeStream(w, c.store.List(r.Context(), q))
}

func (c *control) events(w http.ResponseWriter, r *http.Request) {
	q, err := decodeQuery(r.URL.Query())
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	_ = writeStream(w, c.store.Events(r.Context(), q))
}

// find gives the entry that the path names, or refuses the request.
func (c *control) find(w http.ResponseWriter, r *http.Request) (entry, bool) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return entry{}, false
	}
	e, err := c.store.Entry(r.Context(), id)
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return entry{}, false
	}
	return e, true
}

func (c *control) entry(w http.ResponseWriter, r *http.Request) {
	if e, ok := c.find(w, r); ok {
		answer(w, e)
	}
}

func (c *control) raw(w http.ResponseWriter, r *http.Request) {
	if e, ok := c.find(w, r); ok {
		answerRaw(w, func(w io.Writer) error { return c.store.WriteTo(r.Context(), e.ID, w) })
	}
}

func (c *control) original(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	if e, ok := c.find(w, r); ok {
		answerRaw(w, func(w io.Writer) error { return c.store.WriteOriginal(r.Context(), e.ID, n, w) })
	}
}

func (c *control) view(w http.ResponseWriter, r *http.Request) {
	v, err := c.store.View(r.Context(), r.URL.Query().Get("source"))
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, v)
}

func (c *control) journal(w http.ResponseWriter, r *http.Request) {
	j, err := c.way(r.PathValue("name"))
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, j)
}

// answerRaw answers with bytes, and then with how that ended.
func answerRaw(w http.ResponseWriter, write func(io.Writer) error) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", endTrailer)
	end := endWell
	if err := write(w); err != nil {
		text, _ := json.Marshal(newWireFault(err)) // strings and numbers cannot fail
		end = string(text)
	}
	w.Header().Set(endTrailer, end)
}

func (c *control) verify(w http.ResponseWriter, r *http.Request) {
	answerWork(w, func(shown func(done, total int64), found func(damage)) (verifyResult, error) {
		return c.store.Verify(r.Context(), shown, found)
	})
}
