rule "spam" {
  when   = header("X-Spam-Flag") == "YES"
  action = "skip"
}
rule "either" {
  when   = client.address == "192.0.2.1" || message.subject == "probe"
  action = "skip"
}
rule "trusted" {
  when          = header("X-Probe") == "yes"
  action        = "skip"
  trust_headers = true
}
rule "both" {
  when   = client.address == "192.0.2.1" && message.subject == "probe"
  action = "skip"
}
