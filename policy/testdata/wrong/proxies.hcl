smtp "in" {
  listen  = "tcp::25"
  proxies = "10.0.0.7"
}
smtp "out" {
  listen  = "tcp::26"
  proxies = ["balancer.example.com"]
}
