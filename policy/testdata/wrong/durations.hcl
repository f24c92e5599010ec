milter "a" {
  listen  = "tcp:127.0.0.1:1"
  max_age = "10"
}
milter "b" {
  listen  = "tcp:127.0.0.1:2"
  max_age = "1y"
}
milter "c" {
  listen  = "tcp:127.0.0.1:3"
  max_age = "30m1h"
}
milter "d" {
  listen  = "tcp:127.0.0.1:4"
  max_age = "0"
}
milter "e" {
  listen     = "tcp:127.0.0.1:5"
  inactivity = 180
}
milter "f" {
  listen     = "tcp:127.0.0.1:6"
  inactivity = "-5m"
}
milter "g" {
  listen  = "tcp:127.0.0.1:7"
  max_age = "99999999999w"
}
milter "h" {
  listen     = "tcp:127.0.0.1:8"
  inactivity = "1.5h"
}
