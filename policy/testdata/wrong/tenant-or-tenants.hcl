tenant "acme" { }
tenant "globex" { }
milter "a" {
  listen  = "tcp:127.0.0.1:1"
  tenant  = "acme"
  tenants = ["acme", "globex"]
}
milter "b" {
  listen  = "tcp:127.0.0.1:2"
  tenants = []
}
milter "c" {
  listen    = "tcp:127.0.0.1:3"
  tenants   = ["acme", "acme", "globx"]
  unclaimed = "acme"
}
milter "d" {
  listen = "tcp:127.0.0.1:4"
  tenant = ""
}
milter "e" {
  listen  = "tcp:127.0.0.1:5"
  tenants = "acme"
}
