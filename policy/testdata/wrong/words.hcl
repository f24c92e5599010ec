server {
  log_level  = "verbose"
  log_format = "JSON"
  hostname   = "mail server"
}
milter "m" {
  listen     = "off"
  on_failure = "reject"
}
