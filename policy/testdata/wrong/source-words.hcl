milter "edge" {
  listen           = "tcp:127.0.0.1:8891"
  non_internal     = "reject"
  unknown_internal = "quarantined"
  suspended        = "perhaps"
  log              = "no"
}
