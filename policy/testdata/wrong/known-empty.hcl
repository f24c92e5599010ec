tenant "acme" {
  domains     = ["acme.example"]
  known       = []
}
tenant "globex" {
  domains     = ["globex.example"]
  known_files = ["lists/nobody.addresses"]
}
milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  tenant = "acme"
}
