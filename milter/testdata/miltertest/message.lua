-- Two messages on one connection, with all that miltertest offers.
-- miltertest itself puts a space before a value if SMFIP_HDR_LEADSPC is on.
conn = mt.connect(socket)
if conn == nil then error("cannot connect") end
mt.set_timeout(10)
mt.macro(conn, SMFIC_CONNECT, "j", "mx.example.org")
if mt.conninfo(conn, "client.example.com", "192.0.2.7") ~= nil then error("connect") end
if mt.helo(conn, "client.example.com") ~= nil then error("helo") end

for i, sender in ipairs({"anna@example.com", "bert@example.com"}) do
	mt.macro(conn, SMFIC_MAIL, "i", "4XYZ" .. i, "{auth_authen}", "anna")
	if mt.mailfrom(conn, sender, "SIZE=200", "BODY=8BITMIME") ~= nil then error("mail") end
	if mt.rcptto(conn, "carl@example.org", "NOTIFY=NEVER") ~= nil then error("rcpt") end
	if mt.rcptto(conn, "dora@example.org") ~= nil then error("rcpt") end
	if mt.header(conn, "Subject", "folded\n\tsubject") ~= nil then error("header") end
	if mt.header(conn, "X-Trailing", "blank ") ~= nil then error("header") end
	if mt.eoh(conn) ~= nil then error("eoh") end
	if mt.bodystring(conn, "line one\r\n") ~= nil then error("body") end
	if mt.bodystring(conn, "line two\r\n") ~= nil then error("body") end
	if mt.eom(conn) ~= nil then error("eom") end
	if mt.getreply(conn) ~= SMFIR_CONTINUE then error("reply " .. mt.getreply(conn)) end
	if mt.eom_check(conn, MT_HDRADD) then error("a header was added") end
end
mt.disconnect(conn)
