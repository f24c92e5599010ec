server {
  data = "/var/lib/daybook
}
lmtp "x" {
