package main

import (
	"net/url"
	"reflect"
	"testing"
	"time"

	"daybook/archive"
)

func TestQuery(t *testing.T) {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	full := archive.Query{
		After: 1, Before: 1<<64 - 1, Tenant: "t & u", Source: "s", Sender: "a+b@c", Recipient: "é@x", MessageID: "<1@x>",
		Since: moment, Until: moment.Add(time.Hour), Reverse: true, Limit: 9,
		Quarantine: archive.QuarantineOnly, Tag: "x/y", Kind: archive.EventSkip,
	}
	// A field that is new in the archive has to be carried as well.
	for i, v := 0, reflect.ValueOf(full); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test does not set %s", v.Type().Field(i).Name)
		}
	}
	for _, want := range []archive.Query{{}, full} {
		got, err := decodeQuery(encodeQuery(&want))
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	for _, wrong := range []string{"sendr=x", "after=-1", "limit=x", "since=now", "reverse=2", "quarantine=x"} {
		v, err := url.ParseQuery(wrong)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := decodeQuery(v); err == nil {
			t.Errorf("%s gave %+v", wrong, q)
		}
	}
}

func TestParseInstant(t *testing.T) {
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ in, want string }{
		{"2026-01-02", "2026-01-02T00:00:00Z"},
		{"2026-01-02 03:04", "2026-01-02T03:04:00Z"},
		{"2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"},
		{"2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.5Z"},
		{"36h", "2026-05-09T00:00:00Z"},
		{"7d", "2026-05-03T12:00:00Z"},
		{"0d", "2026-05-10T12:00:00Z"},
		{"", ""},
		{"yesterday", ""},
		{"-1h", ""},
		{"-1d", ""},
		{"1.5d", ""},
		{"2026-02-30", ""},
	} {
		got, err := parseInstant(tt.in, now)
		text := got.UTC().Format(time.RFC3339Nano)
		if err != nil {
			text = ""
		}
		if text != tt.want {
			t.Errorf("parseInstant(%q) = %q, %v; want %q", tt.in, text, err, tt.want)
		}
	}
}
