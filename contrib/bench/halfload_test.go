package main

import (
	"strings"
	"testing"
)

// Half of a rate is half of what was measured last: a figure that failed is passed over.
func TestHalfOfTheRate(t *testing.T) {
	of := func(server string) subject { return subject{pathPostfix, postfixKB, postfixSessions, server} }
	m := &measurement{}
	m.add(of(nameNoMilter), figures{Rate: 1000})
	m.add(of(nameNoMilter), figures{Rate: 900})
	m.add(of(nameNoMilter), figures{Problem: "it did not start"})
	m.add(of(nameDaybook), figures{Rate: 600})
	for _, h := range halfLoads() {
		want := map[string]float64{nameNoMilter: 450, nameDaybook: 300}[h.of]
		if got := h.half(m); got != want {
			t.Errorf("%s: half of the rate is %g, want %g", h.path, got, want)
		}
		s := subject{h.path, postfixKB, latencyConnections, nameDaybook}
		_, err := new(bench).measure(t.Context(), &measurement{}, s)
		if err == nil || !strings.HasSuffix(err.Error(), h.rate()+" is not known") {
			t.Errorf("%v without a rate: %v", s, err)
		}
	}
}
