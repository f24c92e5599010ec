tenant "acme" {
  domains = ["*", "*acme.example", "anna@acme.example", "acme..example", "192.0.2.1", "sub.*.acme.example"]
}
