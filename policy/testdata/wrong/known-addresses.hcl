tenant "acme" {
  domains = ["acme.example"]
  known   = [
    "anna",
    "bert@globex.example",
    "carla@acme.example carl@acme.exampel",
    "dora@acme.example dora@",
  ]
}
