server {
  data        = "archive"
  hostname    = "archive.example.com"
  min_free    = "1GiB"
  max_message = 157286400
  control     = "unix:/run/daybook/control.sock"
  metrics     = "tcp:127.0.0.1:9825"
  log_level   = "debug"
  log_format  = "json"
}
tenant "acme" {
  description = "Acme Ltd, contract 4711"
  domains     = ["Acme.Example", "*.acme.test"]
}
tenant "globex" { }
milter "edge" {
  listen      = "unix:/run/daybook/milter.sock"
  tenant      = "acme"
  on_failure  = "accept"
  max_message = "50 MiB"
}
lmtp "journal" {
  listen         = "127.0.0.1:8024"
  tenant         = "globex"
  max_message    = "200MB"
  max_recipients = 1000
  tls_cert       = "/etc/daybook/journal.crt"
  tls_key        = "journal.key"
}
