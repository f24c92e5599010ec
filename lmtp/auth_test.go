package lmtp

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"
)

// keysOf is a credential as PostgreSQL stores it.
func keysOf(t testing.TB, password string, iterations int) string {
	t.Helper()
	salt := "0123456789abcdef"
	keys, err := derive(prepared(password), salt, iterations)
	if err != nil {
		t.Fatal(err)
	}
	b := base64.StdEncoding.EncodeToString
	return "SCRAM-SHA-256$" + slog.IntValue(iterations).String() + ":" + b([]byte(salt)) + "$" + b(keys.StoredKey) + ":" + b(keys.ServerKey)
}

// testUsers knows alice by her password, and bob by his keys.
func testUsers(t testing.TB) func(string) (Credential, bool, error) {
	t.Helper()
	users := make(map[string]Credential)
	for user, text := range map[string]string{
		"alice": "wonderland", "bob": keysOf(t, "builder", 5000), "j\u00fcrgen": "pa\u00dfw\u00f6rt \u00aa",
	} {
		c, err := ParseCredential(text)
		if err != nil {
			t.Fatal(err)
		}
		users[user] = c
	}
	users["nothing"] = Credential{}
	return func(user string) (Credential, bool, error) {
		switch user {
		case "trouble":
			return Credential{}, false, errors.New("no such file")
		case "crash":
			panic("as the test wants it")
		}
		c, known := users[user]
		return c, known, nil
	}
}

func TestParseCredential(t *testing.T) {
	keys := keysOf(t, "secret", 4096)
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for text, want := range map[string]string{
		"secret":                             "",
		"secret\r\n":                         "",
		" se cret ":                          "",
		"md5abc:def$":                        "",
		keys:                                 "",
		keys + "\n":                          "",
		"":                                   "is empty",
		"\n":                                 "is empty",
		"two\nlines":                         "more than one line",
		"nul\x00":                            "more than one line",
		"SCRAM-SHA-1$":                       "not SCRAM-SHA-256",
		strings.Repeat("x", maxCredential+1): "1025 octets",
		"SCRAM-SHA-256$4096":                 "part is missing",
		"SCRAM-SHA-256$4096:AAAA$" + zero:    "part is missing",
		"SCRAM-SHA-256$4095:AAAA$" + zero + ":" + zero:        "from 4096 to 2000000",
		"SCRAM-SHA-256$2000001:AAAA$" + zero + ":" + zero:     "from 4096 to 2000000",
		"SCRAM-SHA-256$many:AAAA$" + zero + ":" + zero:        "from 4096 to 2000000",
		"SCRAM-SHA-256$4096:$" + zero + ":" + zero:            "salt",
		"SCRAM-SHA-256$4096:A$" + zero + ":" + zero:           "salt",
		"SCRAM-SHA-256$4096:AAAA$AAAA:" + zero:                "StoredKey",
		"SCRAM-SHA-256$4096:AAAA$" + zero + ":" + zero + ":x": "ServerKey",
	} {
		c, err := ParseCredential(text)
		switch {
		case want == "" && (err != nil || !c.usable()):
			t.Errorf("%q: %v, %v", text, c, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || c.usable()):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), zero) {
			t.Errorf("%q: the error tells a secret: %v", text, err)
		}
	}
	if c, _ := ParseCredential("secret"); strings.Contains(strings.Join([]string{c.String(), c.GoString()}, ""), "secret") {
		t.Error("a credential prints its secret")
	}
}

// auth logs in and returns the last reply.
func (c *client) auth(t testing.TB, mechanism, user, password string) string {
	t.Helper()
	b := base64.StdEncoding.EncodeToString
	switch mechanism {
	case "PLAIN":
		c.send("AUTH PLAIN " + b([]byte("\x00"+user+"\x00"+password)) + "\r\n")
		return c.reply()
	case "LOGIN":
		c.send("AUTH LOGIN\r\n")
		c.expect("334 " + b([]byte("Username:")))
		c.send(b([]byte(user)) + "\r\n")
		c.expect("334 " + b([]byte("Password:")))
		c.send(b([]byte(password)) + "\r\n")
		return c.reply()
	}
	peer, err := scram.SHA256.NewClient(user, password, "")
	if err != nil {
		t.Fatal(err)
	}
	talk := peer.NewConversation()
	message, err := talk.Step("")
	c.send("AUTH SCRAM-SHA-256 " + b([]byte(message)) + "\r\n")
	for err == nil {
		reply := c.reply()
		challenge, ok := strings.CutPrefix(reply, "334 ")
		if !ok {
			if talk.Valid() != strings.HasPrefix(reply, "235") {
				t.Errorf("%s %s: reply %q, the client trusts the server: %v", user, password, reply, talk.Valid())
			}
			return reply
		}
		text, decodeErr := base64.StdEncoding.DecodeString(challenge)
		if decodeErr != nil {
			t.Fatalf("challenge %q", reply)
		}
		message, err = talk.Step(string(text))
		c.send(b([]byte(message)) + "\r\n")
	}
	t.Fatalf("%s: the client gave up: %v", user, err)
	return ""
}

// TestAuthMechanisms tries every mechanism with every kind of credential.
func TestAuthMechanisms(t *testing.T) {
	for _, smtp := range []bool{false, true} {
		rec := new(recorder)
		_, addr := serve(t, Config{Handler: rec, SMTP: smtp, Credentials: testUsers(t), AuthInsecure: true, authPause: time.Millisecond}, nil)
		for _, mechanism := range mechanisms() {
			for _, test := range []struct{ user, password, want string }{
				{"alice", "wonderland", "235 2.7.0"},
				{"bob", "builder", "235 2.7.0"},
				{"j\u00fcrgen", "pa\u00dfw\u00f6rt \u00aa", "235 2.7.0"},
				{"ju\u0308rgen", "pa\u00dfwo\u0308rt a", "235 2.7.0"}, // the same to SASLprep
				{"alice", "builder", "535 5.7.8"},
				{"bob", "wonderland", "535 5.7.8"},
				{"Alice", "wonderland", "535 5.7.8"},
				{"nobody", "wonderland", "535 5.7.8"},
				{"nothing", "x", "535 5.7.8"},
				{"trouble", "x", "454 4.7.0"},
				{"crash", "x", "454 4.7.0"},
			} {
				c := open(t, addr, smtp, nil)
				if got := c.auth(t, mechanism, test.user, test.password); !strings.HasPrefix(got, test.want) {
					t.Errorf("%s %s %q: %s, want %s", mechanism, test.user, test.password, got, test.want)
				}
				rec.got = nil
				c.send(start + "BDAT 1 LAST\r\nx")
				c.expect("250", "250", "250")
				e := rec.deliveries()[0].env
				if in := test.want == "235 2.7.0"; in != strings.HasSuffix(e.Protocol, "MTPA") || in != (e.AuthUser == prepared(test.user)) {
					t.Errorf("%s %s: envelope %+v", mechanism, test.user, e)
				}
			}
		}
	}
}

// TestUnknownUserLooksKnown compares what an unknown user is told with what a known one is.
func TestUnknownUserLooksKnown(t *testing.T) {
	bob, err := ParseCredential(keysOf(t, "builder", 5000))
	if err != nil {
		t.Fatal(err)
	}
	_, addr := serve(t, Config{Handler: new(recorder), AuthInsecure: true, authPause: time.Millisecond,
		Credentials: func(user string) (Credential, bool, error) { return bob, user == "bob", nil }}, nil)
	first := func(user string) (salt, iterations string) {
		c := open(t, addr, false, nil)
		c.send("AUTH SCRAM-SHA-256 " + base64.StdEncoding.EncodeToString([]byte("n,,n="+user+",r=nonce")) + "\r\n")
		text, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.reply(), "334 "))
		parts := strings.Split(string(text), ",")
		if err != nil || len(parts) != 3 {
			t.Fatalf("challenge %q, %v", text, err)
		}
		return parts[1], parts[2]
	}
	knownSalt, known := first("bob")
	oneSalt, one := first("one")
	againSalt, _ := first("one")
	otherSalt, other := first("other")
	if one != known || other != known || len(oneSalt) != len(knownSalt) {
		t.Errorf("bob: %s %s, one: %s %s, other: %s", knownSalt, known, oneSalt, one, other)
	}
	if oneSalt != againSalt || oneSalt == otherSalt || oneSalt == knownSalt {
		t.Errorf("salts %s %s %s %s", knownSalt, oneSalt, againSalt, otherSalt)
	}
	for _, mechanism := range mechanisms() {
		c := open(t, addr, false, nil)
		if got := c.auth(t, mechanism, "one", "builder"); !strings.HasPrefix(got, "535 5.7.8") {
			t.Errorf("%s with the password of another user: %s", mechanism, got)
		}
	}
}

// TestScramForSomebodyElse asks to act as another user, and sends proofs that are none.
func TestScramForSomebodyElse(t *testing.T) {
	_, addr := serve(t, Config{Handler: new(recorder), AuthInsecure: true, authPause: time.Millisecond, Credentials: testUsers(t)}, nil)
	peer, err := scram.SHA256.NewClient("alice", "wonderland", "bob")
	if err != nil {
		t.Fatal(err)
	}
	c, talk := open(t, addr, false, nil), peer.NewConversation()
	message, _ := talk.Step("")
	c.send("AUTH SCRAM-SHA-256\r\n")
	c.expect("334 ")
	c.send(base64.StdEncoding.EncodeToString([]byte(message)) + "\r\n")
	challenge, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.reply(), "334 "))
	if message, err = talk.Step(string(challenge)); err != nil {
		t.Fatal(err)
	}
	c.send(base64.StdEncoding.EncodeToString([]byte(message)) + "\r\n")
	c.expect("535 5.7.8")
	for _, text := range []string{"", "n,,n=alice", "p=tls-unique,,n=alice,r=x", "n,,n==,r=x", strings.Repeat("x", maxSCRAM+1)} {
		c := open(t, addr, false, nil)
		c.send("AUTH SCRAM-SHA-256\r\n")
		c.expect("334 ")
		c.send(base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n")
		c.expect("501 5.5.2")
	}
	for _, text := range []string{"", "c=biws,r=nonce,p=AAAA", "c=biws,p="} {
		c := open(t, addr, false, nil)
		c.send("AUTH SCRAM-SHA-256 " + base64.StdEncoding.EncodeToString([]byte("n,,n=alice,r=nonce")) + "\r\n")
		c.expect("334 ")
		c.send(base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n")
		c.expect("535 5.7.8")
	}
}

// TestScramEndsWithTheClient gives up after the proof was right: the client has not accepted the server.
func TestScramEndsWithTheClient(t *testing.T) {
	for last, want := range map[string]string{"*": "501 5.7.0", "QQ==": "501 5.5.2", "": "235 2.7.0"} {
		_, addr := serve(t, Config{Handler: new(recorder), AuthInsecure: true, authPause: time.Millisecond, Credentials: testUsers(t)}, nil)
		peer, err := scram.SHA256.NewClient("alice", "wonderland", "alice")
		if err != nil {
			t.Fatal(err)
		}
		c, talk := open(t, addr, false, nil), peer.NewConversation()
		message, _ := talk.Step("")
		c.send("AUTH SCRAM-SHA-256\r\n")
		c.expect("334 ")
		for range 2 {
			c.send(base64.StdEncoding.EncodeToString([]byte(message)) + "\r\n")
			challenge, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.reply(), "334 "))
			if message, err = talk.Step(string(challenge)); err != nil {
				t.Fatal(err)
			}
		}
		c.send(last + "\r\n")
		c.expect(want)
	}
}

// TestFailedLoginIsSlow measures that the pause is there at all: a later reply is no failure.
func TestFailedLoginIsSlow(t *testing.T) {
	_, addr := serve(t, Config{Handler: new(recorder), AuthInsecure: true, authPause: stalled, Credentials: testUsers(t)}, nil)
	c := open(t, addr, false, nil)
	begin := time.Now()
	c.auth(t, "PLAIN", "alice", "x")
	if took := time.Since(begin); took < stalled {
		t.Errorf("answered after %v", took)
	}
}

// TestEveryLoginIsWorkedFor lets nobody derive keys: no login is decided without, whoever it is for.
func TestEveryLoginIsWorkedFor(t *testing.T) {
	users := newAuthenticator(&Config{Credentials: testUsers(t), Logger: slog.New(slog.DiscardHandler)})
	for range cap(users.working) {
		users.working <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, mechanism := range mechanisms() {
		for _, user := range []string{"alice", "bob", "nobody", "nothing", ""} {
			a := &attempt{authenticator: users, ctx: ctx}
			m := a.mechanism(mechanism)
			first := map[string]string{"PLAIN": "\x00" + user + "\x00wonderland", "LOGIN": user}[mechanism]
			if mechanism == "SCRAM-SHA-256" {
				first = "n,,n=" + user + ",r=nonce"
			}
			_, _, err := m.Next([]byte(first))
			if mechanism == "LOGIN" {
				_, _, err = m.Next([]byte("wonderland"))
			}
			if !errors.Is(err, errNoDecision) {
				t.Errorf("%s %q: %v", mechanism, user, err)
			}
		}
	}
}
