server { data = "/srv/mail" }
