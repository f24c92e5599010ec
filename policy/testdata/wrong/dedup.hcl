milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  extended_dedup {
    window = "10 minutes"
    match  = "message_id"
    within = "1h"
  }
}
