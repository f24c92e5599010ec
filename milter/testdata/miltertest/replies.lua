-- An MTA that offers no no-reply bits (and no leading space): each command is
-- answered.
conn = mt.connect(socket)
if conn == nil then error("cannot connect") end
mt.set_timeout(10)
if mt.negotiate(conn, 2, 0x3f, 0x7f) ~= nil then error("negotiation") end
local function answered(what)
	if mt.getreply(conn) ~= SMFIR_CONTINUE then error(what .. ": reply " .. mt.getreply(conn)) end
end
mt.conninfo(conn, "client.example.com", "192.0.2.7") answered("connect")
mt.helo(conn, "client.example.com") answered("helo")
mt.mailfrom(conn, "anna@example.com") answered("mail")
mt.rcptto(conn, "carl@example.org") answered("rcpt")
mt.header(conn, "Subject", "x") answered("header")
mt.eoh(conn) answered("eoh")
mt.bodystring(conn, "text\r\n") answered("body")
mt.eom(conn) answered("eom")
mt.disconnect(conn)
