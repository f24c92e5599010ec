server {
  data     = ""
  hostname = null
}
lmtp "a" { listen = "" }
