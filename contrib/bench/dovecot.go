package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// dovecotConf is an instance of its own that takes LMTP for any address. Mail is
// brought to the disk as by default (mail_fsync = optimized): LMTP syncs each one.
// Nothing is indexed, searched or filtered.
const dovecotConf = `base_dir = @DIR@/run
state_dir = @DIR@/state
log_path = @DIR@/log
info_log_path = /dev/null
instance_name = bench
protocols = lmtp
ssl = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = @FORMAT@:~/mail
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=@USER@ gid=@USER@ home=@DIR@/mail/%u allow_all_users=yes
}
service lmtp {
  process_limit = 300
  inet_listener lmtp {
    address = @HOST@
    port = @PORT@
  }
}
service anvil {
  client_limit = 1000
}
service auth {
  client_limit = 1500
}
`

// dovecotSIS is what the instance has that compresses and keeps each attachment
// once.
const dovecotSIS = `mail_plugins = zlib
plugin {
  zlib_save = zstd
}
mail_attachment_dir = @DIR@/mail/attachments
mail_attachment_fs = sis posix
`

// dovecotUser is whom the mail belongs to: Dovecot delivers to nobody who is root.
const dovecotUser = "nobody"

// dovecotBoxes is how many mailboxes mail is spread over. One alone would make all
// connections wait for its lock.
const dovecotBoxes = 32

// dovecotConfig makes the configuration. Compressed mail is kept in the format that
// is the faster one with it.
func dovecotConfig(dir, addr string, owner int, sis bool) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	text, format := dovecotConf, "sdbox"
	if sis {
		text, format = text+dovecotSIS, "mdbox"
	}
	return strings.NewReplacer("@DIR@", dir, "@HOST@", host, "@PORT@", port,
		"@USER@", strconv.Itoa(owner), "@FORMAT@", format).Replace(text), nil
}

// startDovecot runs a Dovecot with empty mailboxes, which is sent messages with other
// recipients than they have.
func (s *servers) startDovecot(ctx context.Context, sis bool, message readdress) (*server, error) {
	home, err := s.sharedFolder("dovecot-*")
	if err != nil {
		return nil, err
	}
	running, err := s.launchDovecot(ctx, home, sis)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	running.home, running.data = home, filepath.Join(home, "mail")
	running.message = message
	return running, nil
}

func (s *servers) launchDovecot(ctx context.Context, home string, sis bool) (*server, error) {
	owner, err := accountID(user.Lookup(dovecotUser))
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	text, err := dovecotConfig(home, addr, owner, sis)
	if err != nil {
		return nil, err
	}
	conf, mail := filepath.Join(home, "dovecot.conf"), filepath.Join(home, "mail")
	err = errors.Join(os.WriteFile(conf, []byte(text), 0o644), os.Mkdir(mail, 0o755), os.Chown(mail, owner, owner))
	if err != nil {
		return nil, err
	}
	running, err := s.launch(ctx, addr, s.peers.dovecot, "-F", "-c", conf)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(home, "log")) // it may have said nothing
		return nil, fmt.Errorf("%w: %s", err, log[max(len(log)-2000, 0):])
	}
	return running, nil
}

// readdress gives message n, which is m, other recipients.
type readdress func(m *lmtpMessage, n int64) *lmtpMessage

// oneCopy is a message for one recipient, whom Dovecot keeps one copy for.
func oneCopy(m *lmtpMessage, n int64) *lmtpMessage { return toBoxes(m, n, 1) }

// copyForEach is a message for as many recipients as it has. Dovecot keeps a copy for
// each, as a mail server does.
func copyForEach(m *lmtpMessage, n int64) *lmtpMessage { return toBoxes(m, n, m.recipients) }

// toBoxes is message n for the owners of so many mailboxes, which are different ones
// up to dovecotBoxes. The first dovecotBoxes messages go into all of them.
func toBoxes(m *lmtpMessage, n int64, boxes int) *lmtpMessage {
	to := &message{sender: "journal@bench.example"}
	for i := range int64(boxes) {
		to.recipients = append(to.recipients, fmt.Sprintf("box%d@bench.example", (n+i)%dovecotBoxes))
	}
	other := *m
	other.recipients, other.envelope = boxes, envelope(to)
	return &other
}

// accountID is the number of an account.
func accountID(account *user.User, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(account.Uid)
}
