server { data = "/a" }

server { data = "/b" }
