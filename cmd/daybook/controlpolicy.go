package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"daybook/archive"
)

// maxRequest bounds what a command says in the body of a request, in bytes.
const maxRequest = 64 << 10

func (c *control) policies(w http.ResponseWriter, r *http.Request) {
	q, err := decodeQuery(r.URL.Query())
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	_ = writeStream(w, c.store.Policies(r.Context(), q))
}

// findPolicy gives the policy that the path names, or refuses the request.
func (c *control) findPolicy(w http.ResponseWriter, r *http.Request) (digest archive.Digest, p keptPolicy, ok bool) {
	digest, err := parseDigest(r.PathValue("digest"))
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return digest, p, false
	}
	p, err = c.store.Policy(r.Context(), digest)
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return digest, p, false
	}
	return digest, p, true
}

func (c *control) policy(w http.ResponseWriter, r *http.Request) {
	if _, p, ok := c.findPolicy(w, r); ok {
		answer(w, p)
	}
}

func (c *control) policyFile(w http.ResponseWriter, r *http.Request) {
	if digest, _, ok := c.findPolicy(w, r); ok {
		name := r.URL.Query().Get("name")
		answerRaw(w, func(w io.Writer) error { return c.store.WriteFile(r.Context(), digest, name, w) })
	}
}

func (c *control) reloadPolicy(w http.ResponseWriter, r *http.Request) {
	result, err := c.reload(r.Context(), "daybook policy reload")
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, result)
}

// settle releases an entry from quarantine, or keeps it there, as the path says.
func (c *control) settle(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	var v verdict
	if err == nil {
		err = json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&v)
	}
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	v.Release = strings.HasSuffix(r.URL.Path, "/release")
	e, err := c.store.Settle(r.Context(), id, v)
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, e)
}

// parseDigest reads a whole digest.
func parseDigest(s string) (d archive.Digest, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(d) {
		return d, fmt.Errorf("%q is not a digest, which has %d hexadecimal digits", s, 2*len(d))
	}
	return archive.Digest(raw), nil
}
