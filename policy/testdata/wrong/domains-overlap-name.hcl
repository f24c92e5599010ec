tenant "acme" { domains = ["acme.example", "shared.example"] }
tenant "globex" { domains = ["globex.example", "Shared.Example."] }
milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  tenant = "acme"
}
