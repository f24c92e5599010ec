package policy

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		in   string
		want time.Duration // -1: refused
	}{
		{"0", 0},
		{"0s", 0},
		{"90s", 90 * time.Second},
		{"180m", 3 * time.Hour},
		{"1h30m", 90 * time.Minute},
		{"36h", 36 * time.Hour},
		{"10d", 10 * day},
		{"2w", 14 * day},
		{"1w2d3h4m5s", 9*day + 3*time.Hour + 4*time.Minute + 5*time.Second},
		{"007s", 7 * time.Second},
		{"15250w", 15250 * 7 * day},
		// Refused.
		{"", -1},
		{"10", -1},
		{"h", -1},
		{"1h1h", -1},
		{"1m1h", -1},
		{"1y", -1},
		{"1 h", -1},
		{"1H", -1},
		{"1.5h", -1},
		{"-1h", -1},
		{"+1h", -1},
		{"1h5", -1},
		{"1ms", -1},
		{"15251w", -1},
		{"15250w15250w", -1},
		{"15250w99999999999s", -1},
		{"99999999999999999999s", -1},
		{"1µ", -1},
	} {
		got, err := ParseDuration(tt.in)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"1h30m", "2w", "0", "1y", "99999999999999999999s", "15250w4d", "1h1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDuration(s); err == nil && d < 0 || err != nil && d != 0 {
			t.Fatalf("%q gives %v, %v", s, d, err)
		}
	})
}
