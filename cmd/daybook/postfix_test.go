package main

import (
	"testing"

	"daybook/policy"
)

func TestPostfixAddresses(t *testing.T) {
	for _, tt := range []struct{ addr, milter, nexthop string }{
		{"tcp:127.0.0.1:8891", "inet:127.0.0.1:8891", "inet:[127.0.0.1]:8891"},
		{"tcp:[::1]:8891", "inet:[::1]:8891", "inet:[::1]:8891"},
		{"tcp::8891", "inet:127.0.0.1:8891", "inet:[127.0.0.1]:8891"},
		{"tcp:0.0.0.0:8891", "inet:127.0.0.1:8891", "inet:[127.0.0.1]:8891"},
		{"tcp:[::]:8891", "inet:127.0.0.1:8891", "inet:[127.0.0.1]:8891"},
		{"tcp:archive.example.com:8891", "inet:archive.example.com:8891", "inet:[archive.example.com]:8891"},
		{"unix:/run/daybook/milter.sock", "unix:/run/daybook/milter.sock", "unix:/run/daybook/milter.sock"},
	} {
		addr, err := policy.ParseAddr(tt.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := postfixMilter(addr); got != tt.milter {
			t.Errorf("milter %s: got %s, want %s", tt.addr, got, tt.milter)
		}
		if got := postfixNexthop(addr); got != tt.nexthop {
			t.Errorf("nexthop %s: got %s, want %s", tt.addr, got, tt.nexthop)
		}
	}
}
