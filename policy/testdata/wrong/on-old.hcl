milter "a" {
  listen  = "tcp:127.0.0.1:1"
  max_age = "10d"
  on_old  = "skip"
}
milter "b" {
  listen = "tcp:127.0.0.1:2"
  on_old = "quarantine"
}
milter "c" {
  listen  = "tcp:127.0.0.1:3"
  max_age = "10d"
  on_old  = "discard"
}
