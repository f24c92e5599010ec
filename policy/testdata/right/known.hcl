tenant "acme" {
  domains     = ["acme.example", "*.acme.test"]
  delimiter   = "+"
  known       = ["anna@acme.example", "info@acme.example sales@acme.example, help@eu.acme.test"]
  known_files = ["lists/acme.addresses"]
}

tenant "globex" {
  domains     = ["globex.example"]
  known_files = ["lists/globex.addresses"]
}

milter "edge" {
  listen    = "tcp:127.0.0.1:8891"
  tenants   = ["acme", "globex"]
  unclaimed = "acme"
}
