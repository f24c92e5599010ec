rule "non_internal" {
  when   = direction == "external"
  action = "quarantine"
}
