# The configuration that daybook.service starts with: /etc/daybook/daybook.hcl.
server {
  data    = "/var/lib/daybook"
  metrics = "tcp:127.0.0.1:9825"
}

milter "milter" {
  listen = "unix:/run/daybook/milter.sock"
}

lmtp "lmtp" {
  listen = "tcp:127.0.0.1:8024"
}
