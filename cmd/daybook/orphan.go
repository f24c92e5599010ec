package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"daybook/archive"
	"daybook/archive/ledger"
)

// orphan is a content that nothing needs, as daybook verify --orphans --json has it.
type orphan struct {
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Bytes   int64  `json:"bytes"`
	Tenant  string `json:"tenant"` // empty: it is of a policy
	SHA256  string `json:"sha256"`
	Why     string `json:"why"`
}

// orphanResult is what was looked at to find them, and what was found.
type orphanResult struct {
	Contents uint64           `json:"contents"`
	Orphans  uint64           `json:"orphans"`
	Bytes    int64            `json:"orphan_bytes"`
	Guarded  uint64           `json:"guarded"`
	Unsure   bool             `json:"unsure"`
	Segments []segmentOrphans `json:"segments"`
}

// segmentOrphans are those of one segment.
type segmentOrphans struct {
	Segment string `json:"segment"`
	Orphans uint64 `json:"orphans"`
	Bytes   int64  `json:"orphan_bytes"`
	Size    int64  `json:"bytes"` // of the segment
}

func newOrphan(o *archive.Orphan) orphan {
	return orphan{
		Segment: ledger.SegmentName(o.Segment), Offset: o.Offset, Bytes: o.Bytes, Tenant: valid(o.Tenant),
		SHA256: digestText(o.SHA256), Why: string(o.Why),
	}
}

func (l *local) Orphans(ctx context.Context, shown func(done, total int64), found func(orphan)) (orphanResult, error) {
	r, err := l.archive.Orphans(ctx, shown, func(o archive.Orphan) { found(newOrphan(&o)) })
	result := orphanResult{
		Contents: r.Contents, Orphans: r.Orphans, Bytes: r.Bytes, Guarded: r.Guarded, Unsure: r.Unsure, Segments: []segmentOrphans{},
	}
	for _, s := range r.Segments {
		result.Segments = append(result.Segments, segmentOrphans{ledger.SegmentName(s.Segment), s.Records, s.Bytes, s.Size})
	}
	return result, err
}

func (r *remote) Orphans(ctx context.Context, shown func(done, total int64), found func(orphan)) (orphanResult, error) {
	return remoteWork[orphan, orphanResult](ctx, r, http.MethodGet, "orphans", nil, shown, found)
}

func (c *control) orphans(w http.ResponseWriter, r *http.Request) {
	answerWork(w, func(shown func(done, total int64), found func(orphan)) (orphanResult, error) {
		return c.store.Orphans(r.Context(), shown, found)
	})
}

// orphans prints the contents that nothing needs. They are no damage.
func (c *verifyCmd) orphans(env *environment, s store, bar *progress) error {
	lines := newLines(env.stdout)
	var writing error
	result, err := s.Orphans(env.ctx, bar.bytes, func(o orphan) {
		bar.clear()
		if c.JSON {
			writing = errors.Join(writing, lines.Encode(o))
			return
		}
		_, err := fmt.Fprintln(env.stdout, clean(o.line()))
		writing = errors.Join(writing, err)
	})
	bar.clear()
	if err := errors.Join(err, writing); err != nil {
		return err
	}
	if c.JSON {
		return lines.Encode(result)
	}
	return result.print(env.stdout)
}

func (o *orphan) line() string {
	whose := "of tenant " + o.Tenant
	if o.Tenant == "" {
		whose = "of a policy"
	}
	return fmt.Sprintf("%s content, %s (ledger/%s, bytes %d to %d): %s", o.Why, whose, o.Segment, o.Offset, o.Offset+o.Bytes, o.SHA256)
}

func (r *orphanResult) print(w io.Writer) error {
	for _, s := range r.Segments {
		if _, err := fmt.Fprintf(w, "ledger/%s: %s of %s\n", s.Segment, readableSize(s.Bytes), readableSize(s.Size)); err != nil {
			return err
		}
	}
	text := "every content is needed"
	if r.Orphans > 0 {
		text = fmt.Sprintf("%d of %s, %s, nothing needs: daybook compact gives their space back",
			r.Orphans, plural(r.Contents, "content", "contents"), readableSize(r.Bytes))
	}
	_, err := fmt.Fprintf(w, "%s%s\n", text, notDropped(0, r.Guarded, r.Unsure))
	return err
}

// notDropped says what is kept although it may not be needed, and why.
func notDropped(busy, guarded uint64, unsure bool) (text string) {
	if busy > 0 {
		text += fmt.Sprintf("\n%s kept for mail that is coming in", plural(busy, "content", "contents"))
	}
	if guarded > 0 {
		text += fmt.Sprintf("\n%s kept, as the newer copy is damaged", plural(guarded, "older copy", "older copies"))
	}
	if unsure {
		text += "\nthe archive is damaged: what nothing else refers to is taken for needed, see daybook verify"
	}
	return text
}
