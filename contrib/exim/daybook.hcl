# Daybook beside Exim: an LMTP listener for daybook.lmtp, and an SMTP listener
# with a journal for daybook.smtp. Only one of the two is needed.

# No journal uses it, so it takes every recipient, and the envelope is that of the
# mail. It must not be open to others: keep it on the loopback interface, or make it
# a Unix socket.
lmtp "exim" {
  listen         = "tcp:127.0.0.1:8024"
  max_recipients = 10000
}

smtp "journal" {
  listen = "tcp:127.0.0.1:8025"
}

# For an Exim on another machine set allow_from to its address, give the listener
# tls_cert and tls_key, and set tls = "required".
journal "exim-copies" {
  description = "copies by Exim"
  via         = ["journal"]
  address     = "exim-n5yjw4cvplrvgrm4xotx2@journal.example.com"
  format      = "plain"
  allow_from  = ["127.0.0.0/8"]
  tls         = "optional"

  # Exim sets both at the top of each copy, and removes them from mail that comes
  # in. Fields of these names further down are not read.
  header_envelope = ["Envelope-To", "Return-Path"]
}
