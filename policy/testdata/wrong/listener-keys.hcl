lmtp "in" {
  listen           = "tcp:127.0.0.1:8024"
  tenant           = "default"
  unknown_internal = "skip"
  extended_dedup { window = "1h" }
}
journal "exchange" { }
