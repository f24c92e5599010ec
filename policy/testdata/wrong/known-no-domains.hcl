tenant "acme" {
  known       = ["anna@acme.example"]
  known_files = ["lists/acme.addresses"]
}
