package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"daybook/archive"
)

// remote is an archive behind the daemon that serves it.
type remote struct {
	http   *http.Client
	socket string
}

// errNoDaemon: nobody listens on the control socket.
var errNoDaemon = errors.New("no daemon is running")

const pingTimeout = 10 * time.Second

// dialControl connects to the daemon behind a control socket. The error is
// errNoDaemon when there is none.
func dialControl(ctx context.Context, socket string) (*remote, error) {
	r := &remote{socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialUnix(ctx, socket)
		},
		DisableCompression: true,
	}}}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var v versionInfo
	err := r.getJSON(ctx, "version", &v)
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, errNoDaemon
	case errors.Is(err, fs.ErrPermission):
		return nil, refuse(socket, fs.ErrPermission, "run daybook as the user who owns the data")
	}
	return nil, fail(socket, err, "see the daemon's log")
}

// get asks for a path of the API. An answer other than 200 becomes an error.
func (r *remote) get(ctx context.Context, path string) (*http.Response, error) {
	return r.do(ctx, http.MethodGet, path, nil)
}

// post has the daemon do something, and reads what it answers into v.
func (r *remote) post(ctx context.Context, path string, body, v any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	resp, err := r.do(ctx, http.MethodPost, path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	return readAnswer(resp, v)
}

func (r *remote) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://daybook/v1/"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		if reason, ok := errors.AsType[*url.Error](err); ok {
			err = reason.Err // the URL says nothing to an administrator
		}
		return nil, fmt.Errorf("the daemon does not answer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var f wireFault
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Text == "" {
		return nil, fmt.Errorf("the daemon answers %q: is it of another version?", resp.Status)
	}
	return nil, f.err()
}

func (r *remote) getJSON(ctx context.Context, path string, v any) error {
	resp, err := r.get(ctx, path)
	if err != nil {
		return err
	}
	return readAnswer(resp, v)
}

func readAnswer(resp *http.Response, v any) error {
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return fmt.Errorf("the daemon's answer broke off: %w", unexpectedEOF(err))
	}
	return nil
}

func (r *remote) List(ctx context.Context, q archive.Query) iter.Seq2[entry, error] {
	return getStream[entry](ctx, r, "entries?"+encodeQuery(&q).Encode())
}

func (r *remote) Messages(ctx context.Context, q archive.Query) iter.Seq2[mail, error] {
	return getStream[mail](ctx, r, "messages?"+encodeQuery(&q).Encode())
}

func (r *remote) Message(ctx context.Context, id uint64) (m mail, err error) {
	err = r.getJSON(ctx, fmt.Sprintf("messages/%d", id), &m)
	return m, err
}

func (r *remote) Explain(ctx context.Context, one, two uint64) (c comparison, err error) {
	err = r.getJSON(ctx, fmt.Sprintf("joins/%d/%d", one, two), &c)
	return c, err
}

func (r *remote) Events(ctx context.Context, q archive.Query) iter.Seq2[event, error] {
	return getStream[event](ctx, r, "events?"+encodeQuery(&q).Encode())
}

// getStream asks for a stream when the sequence is ranged over.
func getStream[T any](ctx context.Context, r *remote, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		resp, err := r.get(ctx, path)
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		defer resp.Body.Close()
		readStream[T](resp.Body)(yield)
	}
}

func (r *remote) Entry(ctx context.Context, id uint64) (e entry, err error) {
	err = r.getJSON(ctx, fmt.Sprintf("entries/%d", id), &e)
	return e, err
}

func (r *remote) WriteTo(ctx context.Context, id uint64, w io.Writer) error {
	return r.writeRaw(ctx, fmt.Sprintf("message %d", id), fmt.Sprintf("entries/%d/raw", id), w)
}

func (r *remote) WriteOriginal(ctx context.Context, id uint64, n int, w io.Writer) error {
	return r.writeRaw(ctx, fmt.Sprintf("original %d of message %d", n, id), fmt.Sprintf("entries/%d/originals/%d", id, n), w)
}

func (r *remote) View(ctx context.Context, source string) (v view, err error) {
	err = r.getJSON(ctx, "view?"+url.Values{"source": {source}}.Encode(), &v)
	return v, err
}

func (r *remote) Policies(ctx context.Context, q archive.Query) iter.Seq2[keptPolicy, error] {
	return getStream[keptPolicy](ctx, r, "policies?"+encodeQuery(&q).Encode())
}

func (r *remote) Policy(ctx context.Context, digest archive.Digest) (p keptPolicy, err error) {
	err = r.getJSON(ctx, "policies/"+digest.String(), &p)
	return p, err
}

func (r *remote) WriteFile(ctx context.Context, digest archive.Digest, name string, w io.Writer) error {
	path := fmt.Sprintf("policies/%v/file?%s", digest, url.Values{"name": {name}}.Encode())
	return r.writeRaw(ctx, fmt.Sprintf("policy file %q", name), path, w)
}

func (r *remote) Settle(ctx context.Context, id uint64, v verdict) (e event, err error) {
	what := "keep"
	if v.Release {
		what = "release"
	}
	err = r.post(ctx, fmt.Sprintf("quarantine/%d/%s", id, what), v, &e)
	return e, err
}

// journal asks how mail comes to a journal.
func (r *remote) journal(ctx context.Context, name string) (*journalWay, error) {
	var w journalWay
	if err := r.getJSON(ctx, "journals/"+url.PathEscape(name), &w); err != nil {
		return nil, err
	}
	return &w, nil
}

// reload has the daemon read its policy again.
func (r *remote) reload(ctx context.Context) (result reloadResult, err error) {
	err = r.post(ctx, "policy/reload", struct{}{}, &result)
	return result, err
}

// writeRaw writes the bytes that a path of the API gives. What names them in errors.
func (r *remote) writeRaw(ctx context.Context, what, path string, w io.Writer) error {
	resp, err := r.get(ctx, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	// The trailer is there when the daemon came to the end.
	switch end := resp.Trailer.Get(endTrailer); end {
	case endWell:
		return nil
	case "":
		return fmt.Errorf("%s: the daemon's answer broke off", what)
	default:
		var f wireFault
		if err := json.Unmarshal([]byte(end), &f); err != nil {
			return fmt.Errorf("%s: %s", what, end)
		}
		return f.err()
	}
}

func (r *remote) Verify(ctx context.Context, shown func(done, total int64), found func(damage)) (verifyResult, error) {
	return remoteWork[damage, verifyResult](ctx, r, http.MethodGet, "verify", nil, shown, found)
}

func (r *remote) Status(ctx context.Context) (s status, err error) {
	err = r.getJSON(ctx, "status", &s)
	return s, err
}

func (r *remote) Close() error {
	r.http.CloseIdleConnections()
	return nil
}
