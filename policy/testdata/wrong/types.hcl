server {
  data      = ["/a", "/b"]
  log_level = upper("info")
  hostname  = hostname
}
tenant "t" {
  domains = "acme.example"
}
lmtp "l" {
  listen         = "off"
  max_recipients = "many"
}
