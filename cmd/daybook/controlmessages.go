package main

import (
	"errors"
	"net/http"
	"strconv"
)

func (c *control) messages(w http.ResponseWriter, r *http.Request) {
	q, err := decodeQuery(r.URL.Query())
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	_ = writeStream(w, c.store.Messages(r.Context(), q))
}

func (c *control) message(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	m, err := c.store.Message(r.Context(), id)
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, m)
}

func (c *control) joins(w http.ResponseWriter, r *http.Request) {
	one, wrong := strconv.ParseUint(r.PathValue("one"), 10, 64)
	two, err := strconv.ParseUint(r.PathValue("two"), 10, 64)
	if err := errors.Join(wrong, err); err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	x, err := c.store.Explain(r.Context(), one, two)
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, x)
}
