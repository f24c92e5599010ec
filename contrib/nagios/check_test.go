// Package nagios tests the check that monitoring systems run.
package nagios

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// object is what "daybook status --json" prints, with the parts that a case is about.
func object(problem, damage, daemon string) string {
	return `{"data":"/var/lib/daybook","version":"1","daemon":` + daemon + `,"problem":"` + problem + `","entries":4711,"events":3,` +
		`"received_bytes":1,"ledger_bytes":1,"catalog_bytes":1,"segments":1,"quarantine_waiting":2,"free_bytes":1000000,"damage":` + damage + `}`
}

// sources is a daemon's part with sources of these states.
func sources(states ...string) string {
	var list []string
	for i, s := range states {
		list = append(list, `{"name":"source`+string(rune('A'+i))+`","kind":"journal","state":"`+s+`","messages":{},"last_error":"disk | on\nfire"}`)
	}
	return `{"pid":1,"sources":[` + strings.Join(list, ",") + `]}`
}

// reloaded is a daemon's part with the error of its last reload.
func reloaded(err string, states ...string) string {
	failed := ""
	if err != "" {
		failed = `"reload_failed":"2026-05-04T03:02:01Z",`
	}
	return strings.Replace(sources(states...), `{"pid":1,`, `{"pid":1,"reload_error":"`+err+`",`+failed, 1)
}

// script is a program in the place of daybook that prints a text and ends.
func script(stdout, stderr string, code string) string {
	return "#!/bin/sh\ncat <<'END'\n" + stdout + "\nEND\ncat >&2 <<'END'\n" + stderr + "\nEND\nexit " + code + "\n"
}

func status(text string) string { return script(text, "", "0") }

func TestCheck(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		if os.Getenv("DAYBOOK_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: jq is not installed (" + err.Error() + "): run contrib/peers/install.sh as root")
	}
	if file, err := os.Stat("check_daybook"); err != nil {
		t.Fatal(err)
	} else if file.Mode()&0o111 != 0o111 {
		t.Errorf("check_daybook has the mode %v: not all may run it", file.Mode())
	}
	const none = "[]"
	for _, c := range []struct {
		name, daybook string
		args          []string
		code          int
		line          string
	}{
		{"running", status(object("", none, sources("running", "running"))), nil, 0,
			`DAYBOOK OK - 4711 entries, 2 sources | entries=4711c quarantine=2 free=1000000B damage=0 sources=2 troubled=0`},
		{"awaiting", status(object("", none, sources("awaiting first message"))), nil, 0, `DAYBOOK OK - 4711 entries, 1 source | `},
		{"one entry", status(strings.Replace(object("", none, sources()), "4711", "1", 1)), nil, 0, `DAYBOOK OK - 1 entry, 0 sources | entries=1c `},
		{"awaiting is a warning on demand", status(object("", none, sources("awaiting first message"))), []string{"-w", "down,awaiting"}, 1,
			`DAYBOOK WARNING - sourceA is awaiting first message`},
		{"down", status(object("", none, sources("running", "down"))), nil, 1, `DAYBOOK WARNING - sourceB is down | `},
		{"down is critical on demand", status(object("", none, sources("down"))), []string{"-w", ""}, 2, `DAYBOOK CRITICAL - sourceA is down | `},
		{"down is ignored on demand", status(object("", none, sources("down"))), []string{"-i", "down"}, 0, `DAYBOOK OK - `},
		{"suspended", status(object("", none, sources("suspended"))), nil, 0, `DAYBOOK OK - `},
		{"suspended is a warning on demand", status(object("", none, sources("suspended"))), []string{"-w", "suspended"}, 1,
			`DAYBOOK WARNING - sourceA is suspended`},
		{"suspended is critical on demand", status(object("", none, sources("suspended"))), []string{"-i", ""}, 2,
			`DAYBOOK CRITICAL - sourceA is suspended`},
		{"error", status(object("", none, sources("down", "error"))), nil, 2,
			`DAYBOOK CRITICAL - sourceB is error: disk   on fire; sourceA is down | entries=4711c quarantine=2 free=1000000B damage=0 sources=2 troubled=2`},
		{"a state of a later version", status(object("", none, sources("odd"))), nil, 1, `DAYBOOK WARNING - sourceA is odd`},
		{"no source", status(object("", none, sources())), nil, 0, `DAYBOOK OK - 4711 entries, 0 sources`},
		{"no daemon", status(object("", none, "null")), nil, 2, `DAYBOOK CRITICAL - no daemon is running | `},
		{"no daemon, as wished", status(object("", none, "null")), []string{"-i", "stopped"}, 0, `DAYBOOK OK - `},
		{"problem", script(object("the disk is full", none, sources("running")), "daybook: status", "1"), nil, 2,
			`DAYBOOK CRITICAL - mail cannot be archived: the disk is full | `},
		{"damage", script(object("", `[{"segment":"1"},{"segment":"2"}]`, sources("running")), "", "1"), nil, 2,
			`DAYBOOK CRITICAL - damage is known in 2 places, see daybook status | `},
		{"damage in one place", script(object("", `[{"segment":"1"}]`, sources("running")), "", "1"), nil, 2,
			`DAYBOOK CRITICAL - damage is known in 1 place, see daybook status | `},
		{"reload went well", status(object("", none, reloaded("", "running"))), nil, 0, `DAYBOOK OK - 4711 entries, 1 source | `},
		{"reload refused", status(object("", none, reloaded(`rules.hcl:3:7: a | that\nis none`, "running"))), nil, 1,
			`DAYBOOK WARNING - the last reload was refused: rules.hcl:3:7: a   that is none | entries=4711c quarantine=2 free=1000000B damage=0 sources=1 troubled=0`},
		{"reload refused, and worse", status(object("", none, reloaded("x", "down", "error"))), nil, 2,
			`DAYBOOK CRITICAL - sourceB is error: disk   on fire; the last reload was refused: x; sourceA is down | `},
		{"reload refused is critical on demand", status(object("", none, reloaded("x", "down"))), []string{"-w", "down"}, 2,
			`DAYBOOK CRITICAL - the last reload was refused: x; sourceA is down | `},
		{"reload refused is ignored on demand", status(object("", none, reloaded("x", "running"))), []string{"-i", "reload"}, 0, `DAYBOOK OK - `},
		{"options for status", "#!/bin/sh\n[ \"$*\" = 'status --json --data /a b' ] || exit 9\necho '" + object("", none, sources()) + "'\n",
			[]string{"--", "--data", "/a b"}, 0, `DAYBOOK OK - `},
		{"not readable", script("", "daybook: status: /var/lib/daybook: permission denied", "2"), nil, 3,
			`DAYBOOK UNKNOWN - daybook status: daybook: status: /var/lib/daybook: permission denied`},
		{"no JSON", status("Segmentation fault"), nil, 3, `DAYBOOK UNKNOWN - daybook status gave what jq cannot read: `},
		{"something else", status(`["x"]`), nil, 3, `DAYBOOK UNKNOWN - daybook status gave what jq cannot read: `},
		{"an empty object", status(`{}`), nil, 3, `DAYBOOK UNKNOWN - daybook status gave what jq cannot read: `},
		{"an empty line", status(``), nil, 3, `DAYBOOK UNKNOWN - daybook status: `},
		{"no answer", "#!/bin/sh\nexec sleep 60\n", []string{"-t", "1"}, 3, `DAYBOOK UNKNOWN - daybook status did not answer within 1 seconds`},
		{"wrong option", status(""), []string{"-x"}, 3, `DAYBOOK UNKNOWN - wrong option`},
		{"wrong state", status(""), []string{"-w", "Down!"}, 3, `DAYBOOK UNKNOWN - "Down!" is no list of states`},
		{"option without its list", status(""), []string{"-w"}, 3, `DAYBOOK UNKNOWN - wrong option`},
		{"long option", status(""), []string{"--warning", "down"}, 3, `DAYBOOK UNKNOWN - wrong option`},
		{"unknown state", status(""), []string{"-w", "down,away"}, 3, `DAYBOOK UNKNOWN - "away" is no state: use down, error, `},
		{"unknown state to ignore", status(""), []string{"-i", "suspend"}, 3, `DAYBOOK UNKNOWN - "suspend" is no state: use down, error, `},
		{"help for status", status(object("", none, sources())), []string{"--", "--help"}, 0, `DAYBOOK OK - `},
		{"wrong time", status(""), []string{"-t", "soon"}, 3, `DAYBOOK UNKNOWN - -t soon is no number of seconds`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := check(t, c.daybook, os.Getenv("PATH"), c.args...)
			if code != c.code || !strings.HasPrefix(out, c.line) {
				t.Errorf("check_daybook ended with %d and said\n%s\nwant %d and\n%s", code, out, c.code, c.line)
			}
			if strings.Count(out, "\n") != 1 || strings.Count(out, "|") > 1 {
				t.Errorf("%q is not one line with at most one |", out)
			}
			perfdata(t, code, out)
		})
	}
}

// perfdata checks the form of the numbers that follow the text.
func perfdata(t *testing.T, code int, out string) {
	t.Helper()
	_, numbers, found := strings.Cut(strings.TrimSuffix(out, "\n"), " | ")
	if found != (code != 3) {
		t.Errorf("%q: numbers belong to every answer but UNKNOWN", out)
	}
	form := regexp.MustCompile(`^[a-z]+=[0-9]+[cB]?$`)
	for _, n := range strings.Fields(numbers) {
		if !form.MatchString(n) {
			t.Errorf("%q has the number %q", out, n)
		}
	}
}

// TestHelp: who asks for help gets it, with the status that plugins have for that.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"-w", "down", "-h"}, {"-w", "down", "--help"}} {
		code, out := check(t, "", os.Getenv("PATH"), args...)
		if code != 3 || !strings.HasPrefix(out, "Usage: check_daybook ") || !strings.Contains(out, "\n  -t SECONDS ") {
			t.Errorf("%q: %d, %s", args, code, out)
		}
	}
}

// TestMissingPrograms: what is missing is named, and nothing is said to be well.
func TestMissingPrograms(t *testing.T) {
	tools := t.TempDir()
	for _, name := range []string{"mktemp", "rm", "timeout", "tr", "cut", "cat"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	if code, out := check(t, status(object("", "[]", "null")), tools); code != 3 || out != "DAYBOOK UNKNOWN - jq is missing: install the package jq\n" {
		t.Errorf("without jq: %d, %s", code, out)
	}
	if err := os.Symlink("/bin/true", filepath.Join(tools, "jq")); err != nil {
		t.Fatal(err)
	}
	if code, out := check(t, "", tools); code != 3 || out != "DAYBOOK UNKNOWN - daybook is not in the PATH\n" {
		t.Errorf("without daybook: %d, %s", code, out)
	}
}

// check runs the check with a program in the place of daybook, none if it is empty.
func check(t *testing.T, daybook, path string, args ...string) (code int, out string) {
	t.Helper()
	dir := t.TempDir()
	if daybook != "" {
		if err := os.WriteFile(filepath.Join(dir, "daybook"), []byte(daybook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"./check_daybook"}, args...)...)
	cmd.Env = []string{"PATH=" + dir + ":" + path}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if stderr.Len() > 0 {
		t.Errorf("check_daybook wrote to standard error: %s", stderr.String())
	}
	return cmd.ProcessState.ExitCode(), stdout.String()
}
