tenant "letters" { delimiter = "x" }
tenant "long" { delimiter = "--" }
tenant "at" { delimiter = "@" }
tenant "empty" { delimiter = "" }
milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  tenant = "at"
}
