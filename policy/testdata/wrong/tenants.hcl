tenant "acme" { domains = ["acme.example", "not a domain"] }
tenant "globex" { }
tenant "-x" { }
milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  tenant = "acmee"
}
lmtp "journal" {
  listen = "tcp:127.0.0.1:8024"
}
