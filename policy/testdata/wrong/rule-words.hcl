rule "direction" {
  when   = direction == "incoming"
  action = "archive"
}
rule "source" {
  when   = source == "miter"
  action = "archive"
}
