package archive

import (
	"errors"
	"fmt"

	"daybook/archive/ledger"
)

// entryOf gives the entry of a record; nil for one that cannot be decoded, though the
// ledger finds it whole. Such a record is there, and whoever reads it is told what is
// wrong; it keeps nothing else from being read. The error is errNewer.
func (k *catalog) entryOf(r *ledger.Record, s *state) (*Entry, error) {
	if e, ok := r.Note.(*Entry); ok {
		// As when it is read again: where a text may stand depends on its number.
		if _, err := textOf(r.Body, r.Seq); err != nil {
			return nil, newer(err)
		}
		return e, nil
	}
	e, err := k.codec.decodeEntry(*r)
	switch {
	case err == nil:
		return &e, nil
	case errors.Is(err, errLookUp):
		s.doubts++
	case errors.Is(err, errNoDictionary) && !k.codec.facts.own.looked():
		k.unread++
		s.doubts++ // also for a process that ends before the catalog is made anew
	}
	return nil, newer(err)
}

// newer gives the error of a record that a newer daybook wrote, and nil for one that
// cannot be decoded otherwise.
func newer(err error) error {
	if errors.Is(err, errNewer) {
		return err
	}
	return nil
}

// inRecord says in which record without a number an error is.
func inRecord(what string, r *ledger.Record, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s before number %d: %w", what, r.Seq, err)
}
