package main

import (
	"bytes"
	"math"
	"testing"

	"daybook/archive"
	"daybook/archive/message"
)

// Whatever the sender's clock says, an entry can be listed.
func TestDates(t *testing.T) {
	for _, tt := range []struct {
		seconds int64
		want    string
	}{
		{0, ""},
		{1, `"date":"1970-01-01T00:00:01Z"`},
		{-1, `"date":"1969-12-31T23:59:59Z"`},
		{1 << 60, `"date":"9999-12-31T23:59:59Z"`},
		{math.MaxInt64, `"date":"9999-12-31T23:59:59Z"`},
		{-1 << 60, `"date":"0001-01-01T00:00:01Z"`},
		{math.MinInt64, `"date":"0001-01-01T00:00:01Z"`},
	} {
		e := newEntry(&archive.Entry{Summary: message.Summary{Date: tt.seconds}})
		var b bytes.Buffer
		if err := newLines(&b).Encode(e); err != nil {
			t.Errorf("%d: %v", tt.seconds, err)
		}
		if tt.want == "" && bytes.Contains(b.Bytes(), []byte(`"date"`)) || !bytes.Contains(b.Bytes(), []byte(tt.want)) {
			t.Errorf("%d: got %s", tt.seconds, b.Bytes())
		}
	}
}
