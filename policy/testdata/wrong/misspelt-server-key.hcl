server {
	max_mesage = "10MB"
}
