# A listener that no journal uses takes everything, as it is.
tenant "acme" { domains = ["acme.example"] }
lmtp "always-bcc" {
  listen           = "unix:/run/daybook/lmtp.sock"
  unknown_internal = "quarantine"
}
