tenant "acme" {
  domain      = ["acme.example"]
  known_file  = ["acme.addresses"]
  delimeter   = "+"
  discription = "Acme Ltd"
}
