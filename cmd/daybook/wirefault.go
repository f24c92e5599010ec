package main

import (
	"errors"

	"daybook/archive"
	"daybook/policy"
)

// wireFault is an error on its way from the daemon to a command. The kinds are
// what the commands treat apart; anything else has an empty kind. A fault keeps its
// parts, and what is wrong with a policy comes whole, so that a command prints what
// it would have printed without a daemon.
type wireFault struct {
	Kind     string              `json:"kind,omitempty"`
	Text     string              `json:"text"`
	Damage   *damage             `json:"damage,omitempty"`
	Where    string              `json:"where,omitempty"`
	WayOut   string              `json:"way_out,omitempty"`
	Status   int                 `json:"status,omitempty"` // to exit with; 0: it is no fault
	Mistakes []policy.Diagnostic `json:"mistakes,omitempty"`
	Failures []policy.Failure    `json:"failures,omitempty"`
}

const (
	kindNotFound       = "not_found"
	kindNoPolicy       = "no_policy"
	kindNotQuarantined = "not_quarantined"
	kindNoOriginal     = "no_original"
	kindEncoding       = "encoding"
	kindDamage         = "damage"
)

// kinds are those that stand for an error of the archive.
func kinds() map[string]error {
	return map[string]error{
		kindNotFound: archive.ErrNotFound, kindNoPolicy: archive.ErrNoPolicy, kindNotQuarantined: archive.ErrNotQuarantined,
		kindNoOriginal: archive.ErrNoOriginal, kindEncoding: archive.ErrEncoding,
	}
}

func newWireFault(err error) *wireFault {
	wire := &wireFault{}
	if f, ok := errors.AsType[*fault](err); ok {
		wire.Where, wire.WayOut, wire.Status = f.where, f.wayOut, f.status
		err = f.err
	}
	wire.Text = err.Error()
	for kind, is := range kinds() {
		if errors.Is(err, is) {
			wire.Kind = kind
		}
	}
	if d, ok := errors.AsType[*archive.Damage](err); ok {
		place := newDamage(d)
		wire.Kind, wire.Damage = kindDamage, &place
	}
	if wrong, ok := errors.AsType[*policy.Error](err); ok {
		wire.Mistakes = wrong.Diagnostics
	}
	if failed, ok := errors.AsType[*policy.TestError](err); ok {
		wire.Failures = failed.Failures
	}
	return wire
}

// err gives the error as it was in the daemon, as far as commands look at it.
func (f *wireFault) err() error {
	if f.Status == 0 {
		return f.cause()
	}
	return &fault{where: f.Where, err: f.cause(), wayOut: f.WayOut, status: f.Status}
}

func (f *wireFault) cause() error {
	switch {
	case f.Mistakes != nil:
		return &policy.Error{Diagnostics: f.Mistakes}
	case f.Failures != nil:
		return &policy.TestError{Failures: f.Failures}
	case f.Kind == kindDamage && f.Damage != nil:
		return &remoteError{text: f.Text, is: f.Damage.err()}
	}
	if is, ok := kinds()[f.Kind]; ok {
		return &remoteError{text: f.Text, is: is}
	}
	return errors.New(f.Text)
}

// remoteError has the daemon's text and is, to errors.Is and As, the daemon's error.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }
