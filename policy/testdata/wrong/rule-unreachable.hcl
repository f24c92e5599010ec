rule "everything" {
  when   = true
  action = "archive"
}
rule "probe" {
  when   = client.address == "192.0.2.1"
  action = "skip"
}
