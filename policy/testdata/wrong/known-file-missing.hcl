tenant "acme" {
  domains     = ["acme.example"]
  known_files = ["lists/acme.adresses", "lists"]
}
