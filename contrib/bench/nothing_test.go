package main

import (
	"strings"
	"testing"
)

// Each do-nothing milter is a process of its own that takes mail, and ends in order.
func TestNothingIsAProcess(t *testing.T) {
	s := &servers{work: t.TempDir()}
	for _, name := range []string{nameNothing, nameEveryStep, nameNoReply} {
		running, err := s.start(t.Context(), name, pathMilter)
		if err != nil {
			t.Fatal(err)
		}
		running.end = running.process.stopInOrder
		if name == nameNothing {
			set := newSet(4, minSet)
			c, err := dialMilter(running.addr, set, allProtocol())
			if err != nil {
				t.Fatal(err)
			}
			sendAll(t, c, len(set))
		}
		used, err := running.usage()
		if err != nil || used.peak == 0 {
			t.Errorf("%s: its usage is %+v, %v", name, used, err)
		}
		if err := running.close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := serveNothing(t.Context(), "nobody", "127.0.0.1:0"); err == nil || !strings.HasPrefix(err.Error(), `"nobody" is no do-nothing milter; there are`) {
		t.Errorf("a milter that there is not: %v", err)
	}
	if status := run(t.Context(), []string{nothingCommand, nameNothing, "127.0.0.1:none"}, t.Output(), t.Output()); status != statusFailed {
		t.Errorf("without an address the status is %d", status)
	}
}
