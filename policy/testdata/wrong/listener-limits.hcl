smtp "in" {
  listen                     = "tcp::25"
  max_connections            = 0
  max_connections_per_client = 2000000
  messages_per_minute        = 1.5
  max_recipients             = "a lot"
}
