package archive

import "fmt"

// Action is what a policy has done with a message.
type Action string

// Actions. The empty one stands for ActionArchive: no policy was asked, as in
// entries that are older than policies.
const (
	// ActionArchive: the message is archived.
	ActionArchive Action = "archive"
	// ActionQuarantine: the message is archived, and waits for somebody to look at
	// it, see [Archive.Release] and [Archive.Keep].
	ActionQuarantine Action = "quarantine"
	// ActionSkip: the message is not archived; an event tells of it.
	ActionSkip Action = "skip"
)

// Decision is what a policy decided about a message, and why. The zero Decision
// says that none was recorded.
type Decision struct {
	Action Action
	// Rule is the name of the rule that decided, or the source's own word for why
	// no rule was asked; empty when no rule matched.
	Rule string
	// At is where the rule stands, as file:line.
	At string
	// Reason is the rule's, for people.
	Reason string
	// Policy is the digest of the policy's text, see [Archive.Policy]; zero when
	// none is known.
	Policy Digest
	// Tags are the rule's labels for the message, see Query.Tag.
	Tags []string
}

// check refuses what cannot be meant for an entry.
func (d *Decision) check() error {
	switch d.Action {
	case "", ActionArchive, ActionQuarantine:
		return nil
	}
	return fmt.Errorf("a message with the decision %q cannot become an entry; it is recorded by an event, or archived", d.Action)
}

// decisionRecord is a Decision within the body of an entry or event.
type decisionRecord struct {
	Action Action   `cbor:"1,keyasint,omitempty"`
	Rule   string   `cbor:"2,keyasint,omitempty"`
	At     string   `cbor:"3,keyasint,omitempty"`
	Reason string   `cbor:"4,keyasint,omitempty"`
	Policy []byte   `cbor:"5,keyasint,omitempty"`
	Tags   []string `cbor:"6,keyasint,omitempty"`
}

func newDecisionRecord(d *Decision) *decisionRecord {
	if d == nil {
		return nil
	}
	return &decisionRecord{
		Action: d.Action, Rule: d.Rule, At: d.At, Reason: d.Reason, Policy: d.Policy.orNil(), Tags: d.Tags,
	}
}

// decision is nil when none was recorded.
func (r *decisionRecord) decision() (*Decision, error) {
	if r == nil {
		return nil, nil
	}
	policy, err := digestOf(r.Policy)
	if err != nil {
		return nil, fmt.Errorf("the policy of its decision: %w", err)
	}
	return &Decision{Action: r.Action, Rule: r.Rule, At: r.At, Reason: r.Reason, Policy: policy, Tags: r.Tags}, nil
}

// isZero tells that no decision was recorded.
func (d *Decision) isZero() bool {
	return d.Action == "" && d.Rule == "" && d.At == "" && d.Reason == "" && d.Policy == (Digest{}) && len(d.Tags) == 0
}

// orNil gives the bytes of a digest, nil for the zero one, which is not written.
func (d Digest) orNil() []byte {
	if d == (Digest{}) {
		return nil
	}
	return d[:]
}

// digestOf reads a digest that may be left out.
func digestOf(b []byte) (d Digest, err error) {
	if n := copy(d[:], b); len(b) > 0 && (n != len(d) || len(b) != n) {
		return Digest{}, fmt.Errorf("a digest has %d bytes, not %d", len(b), len(d))
	}
	return d, nil
}
