package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPaths measures each path with a handful of messages: that everything starts,
// takes mail and stops. What a figure is does not matter here.
func TestPaths(t *testing.T) {
	program := filepath.Join(t.TempDir(), "daybook")
	if err := build(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	found := findPeers()
	for _, c := range []struct {
		path    string
		peers   []string
		servers []string
	}{
		{pathLMTP, []string{nameSink, nameDovecot}, []string{nameSink, nameDaybook, nameDovecot, nameDovecotSIS}},
		{pathSync, []string{nameSink}, []string{nameAppend, nameOverwrite, nameSink, nameDaybook, nameDaybookBDAT}},
		{pathPostfix, []string{pathPostfix, nameDovecot}, []string{nameNoMilter, nameEveryStep, nameNoReply, nameDaybook, nameDaybookTCP, nameBcc}},
		{pathSendmail, []string{pathSendmail}, []string{nameNoMilter, nameDaybookTCP}},
		{pathMilter, nil, []string{nameNothing, nameDaybook}},
	} {
		t.Run(c.path, func(t *testing.T) {
			for _, name := range c.peers {
				without(t, found.missing(name))
			}
			m := runJSON(t, "--daybook", program, "--paths", c.path, "--rounds", "1", "--seconds", "0.2",
				"--messages", "20", "--sizes", "4", "--connections", "2", "--large=false")
			for _, name := range c.servers {
				i := slices.IndexFunc(m.Cells, func(cell *cell) bool { return cell.Path == c.path && cell.Server == name })
				if i < 0 || len(m.Cells[i].Rounds) != 1 {
					t.Errorf("%s was not measured", name)
				} else if f := m.Cells[i].Rounds[0]; f.Messages == 0 || f.Failed > 0 {
					t.Errorf("%s took %d messages; %d connections broke off: %s", name, f.Messages, f.Failed, f.Problem)
				}
			}
			for _, h := range halfLoads() {
				if s := (subject{h.path, postfixKB, latencyConnections, nameDaybook}); c.path == pathPostfix && !h.services && m.find(s) == nil {
					t.Errorf("%v was not measured", s)
				}
			}
			var out strings.Builder
			if err := printReport(&out, m); err != nil || strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
				t.Errorf("%v: the report is:\n%s", err, out.String())
			}
		})
	}
}

// TestCopyForEachRecipient has a Dovecot take mail with several recipients, more than it
// has mailboxes among them.
func TestCopyForEachRecipient(t *testing.T) {
	found := findPeers()
	without(t, found.missing(nameDovecotEach))
	var to []string
	for n := range dovecotBoxes + 3 {
		to = append(to, fmt.Sprintf("<r%d@x.example>", n))
	}
	mail := folderOf(t, map[string]string{
		"1.eml": "From: a@x.example\nTo: b@x.example\n\none\n",
		"2.eml": "From: a@x.example\nTo: b@x.example, c@x.example\nCc: d@x.example\n\nthree\n",
		"3.eml": "From: a@x.example\nTo: " + strings.Join(to, ",\n ") + "\n\nmany\n",
	})
	mix, err := newMix([]string{mail})
	if err != nil {
		t.Fatal(err)
	}
	const messages = 20
	b := &bench{settings: settings{Seconds: 0.2, Messages: messages, plain: true, program: "none"}}
	if err := b.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(b.servers.work); err != nil {
			t.Error(err)
		}
	})
	b.sets[mixSize] = mix
	one, err := b.measureLoad(t.Context(), subject{pathLMTP, mixSize, 2, nameDovecotSIS})
	if err != nil {
		t.Fatal(err)
	}
	each, err := b.measureLoad(t.Context(), subject{pathLMTP, mixSize, 2, nameDovecotEach})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]figures{nameDovecotSIS: one, nameDovecotEach: each} {
		if f.Failed > 0 || f.Messages == 0 || f.Messages > messages {
			t.Errorf("%s took %d messages; %d connections broke off: %s", name, f.Messages, f.Failed, f.Problem)
		}
	}
	// Of three messages there are 39 recipients.
	if each.Stored < 3*one.Stored {
		t.Errorf("%.2f bytes are stored for each of a message, and %.2f with a copy for each recipient", one.Stored, each.Stored)
	}
}

// The mix alone has the Dovecot that keeps a copy for each recipient.
func TestGroupsOfTheMix(t *testing.T) {
	b := &bench{settings: settings{Sizes: []int{4, mixSize}, Connections: []int{1, 32}, Paths: []string{pathLMTP}}, progress: io.Discard,
		servers: servers{peers: findPeers()}}
	without(t, b.servers.peers.missing(nameDovecotEach))
	for _, group := range b.groups() {
		has := slices.ContainsFunc(group, func(s subject) bool { return s.Server == nameDovecotEach })
		if mix := group[0].SizeKB == mixSize; has != mix {
			t.Errorf("%s: %v", sizeName(group[0].SizeKB), group)
		}
	}
}

// without skips a test for which something is missing on this machine.
func without(t *testing.T, why string) {
	t.Helper()
	if why == "" {
		return
	}
	if os.Getenv("DAYBOOK_REQUIRE_PEERS") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// runJSON runs the program and reads what it measured.
func runJSON(t *testing.T, args ...string) *measurement {
	t.Helper()
	var out, progress bytes.Buffer
	if status := run(t.Context(), append(args, "--json"), &out, &progress); status != 0 {
		t.Fatalf("status %d: %s", status, progress.String())
	}
	m := &measurement{}
	if err := json.Unmarshal(out.Bytes(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// What is not installed is named once, and the rest is measured.
func TestMissingPeers(t *testing.T) {
	s, _, err := parseFlags(nil, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{settings: s, progress: &bytes.Buffer{}}
	var servers []string
	for _, group := range b.groups() {
		for _, s := range group {
			servers = append(servers, s.Server)
		}
	}
	for _, name := range []string{nameSink, nameDovecot, nameNoMilter} {
		if slices.Contains(servers, name) {
			t.Errorf("%s is measured without being there", name)
		}
	}
	if !slices.Contains(servers, nameDaybook) || !slices.Contains(servers, nameAppend) {
		t.Errorf("measured are only %q", servers)
	}
	if len(b.notes) != 4 {
		t.Errorf("there are these notes: %q", b.notes)
	}
	for _, note := range b.notes {
		if !strings.HasSuffix(note, installHint) {
			t.Errorf("%q names no way out", note)
		}
	}
}
