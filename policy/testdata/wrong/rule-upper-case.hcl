rule "boss" {
  when   = sender.address == "Boss@Example.com"
  action = "archive"
}
