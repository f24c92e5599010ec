rule "nothing" {
}
