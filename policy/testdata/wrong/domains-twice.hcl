tenant "acme" {
  domains = [
    "bücher.example",
    "acme.example",
    "xn--bcher-kva.example",
  ]
}
