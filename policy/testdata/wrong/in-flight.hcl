server {
  max_in_flight = "600MiB"
}
milter "m" {
  listen      = "off"
  max_message = "300MiB"
}
