tenant "acme" { }
tenant "globex" { }
milter "a" {
  listen  = "tcp:127.0.0.1:1"
  tenants = ["acme", "globex"]
}
milter "b" {
  listen    = "tcp:127.0.0.1:2"
  tenant    = "acme"
  unclaimed = "acme"
}
milter "c" {
  listen    = "tcp:127.0.0.1:3"
  tenants   = ["acme", "globex"]
  unclaimed = "nobody"
}
