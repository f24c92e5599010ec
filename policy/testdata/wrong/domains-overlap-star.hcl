tenant "acme" { domains = ["*.acme.example"] }
tenant "sales" { domains = ["sales.acme.example"] }
tenant "labs" { domains = ["*.labs.acme.example"] }
milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  tenant = "acme"
}
