server {
  min_free    = "a lot"
  max_message = "10 QB"
  max_in_flight = 0
}
lmtp "m" {
  listen      = "off"
  max_message = 0
}
lmtp "l" {
  listen         = "off"
  max_message    = -5
  max_recipients = 0
}
