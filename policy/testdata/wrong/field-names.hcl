smtp "in" { listen = "tcp::25" }
journal "google" {
  header_envelope = ["X-Gm-Original-To:", "X Original To", "Delivered-To", "delivered-to"]
  hide_headers    = ["Größe"]
}
