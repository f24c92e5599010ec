package policy

import "testing"

func TestParseAddr(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"off", "off"},
		{"tcp:127.0.0.1:8024", "tcp:127.0.0.1:8024"},
		{"tcp:[::1]:8024", "tcp:[::1]:8024"},
		{"tcp::8024", "tcp::8024"},
		{"tcp:mail-1.example.com:0", "tcp:mail-1.example.com:0"},
		{"localhost:8024", "tcp:localhost:8024"},
		{":8024", "tcp::8024"},
		{"[::1]:25", "tcp:[::1]:25"},
		{"unix:/run/daybook.sock", "unix:/run/daybook.sock"},
		{"unix:/run//a/../daybook.sock", "unix:/run/daybook.sock"},
		{"unix:/run/with space:and:colons", "unix:/run/with space:and:colons"},
		// Refused.
		{"", ""},
		{"on", ""},
		{"8024", ""},
		{"tcp", ""},
		{"tcp:", ""},
		{"tcp:127.0.0.1", ""},
		{"tcp:::1:8024", ""},
		{"tcp:127.0.0.1:", ""},
		{"tcp:127.0.0.1:smtp", ""},
		{"tcp:127.0.0.1:-1", ""},
		{"tcp:127.0.0.1:+1", ""},
		{"tcp:127.0.0.1:65536", ""},
		{"tcp:127.0.0.256:25", ""},
		{"tcp:a b:25", ""},
		{"unix:", ""},
		{"unix:relative.sock", ""},
		{"unix:/run/", ""},
		{"unix:/run/a\x00b", ""},
		{"/run/daybook.sock", ""},
		{"inet:8024@localhost", ""},
		{"OFF", ""},
	} {
		got, err := ParseAddr(tt.in)
		if err == nil && got.String() != tt.want || err != nil && tt.want != "" {
			t.Errorf("ParseAddr(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestAddrState(t *testing.T) {
	var zero Addr
	if zero.IsSet() || zero.IsOff() || !Off().IsSet() || !Off().IsOff() {
		t.Error("not set and off must differ")
	}
}

func TestParseSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64 // -1: refused
	}{
		{"0", 0},
		{"4096", 4096},
		{"4096B", 4096},
		{"100MB", 100_000_000},
		{"50MiB", 50 << 20},
		{"1.5 GiB", 3 << 29},
		{"2tb", 2_000_000_000_000},
		{"", -1},
		{"MB", -1},
		{"-1MB", -1},
		{"1e9", -1},
		{"inf", -1},
		{"NaN", -1},
		{"0x10", -1},
		{"10 MB extra", -1},
		{"1 0 MB", -1},
		{"10QB", -1},
		{"9999999999999TB", -1},
	} {
		got, err := ParseSize(tt.in)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
	}
}
