-- The session fails a message whose sender is full@example.com, and the next
-- message on the connection passes.
conn = mt.connect(socket)
if conn == nil then error("cannot connect") end
mt.set_timeout(10)
mt.conninfo(conn, "localhost", "unspec")
mt.helo(conn, "localhost")

mt.mailfrom(conn, "full@example.com")
mt.rcptto(conn, "carl@example.org")
mt.header(conn, "Subject", "x")
mt.eoh(conn)
mt.bodystring(conn, "text\r\n")
if mt.eom(conn) ~= nil then error("eom") end
if mt.getreply(conn) ~= SMFIR_REPLYCODE then error("reply " .. mt.getreply(conn)) end
if not mt.eom_check(conn, MT_SMTPREPLY, "452", "4.3.1", "archive is full") then error("text of the reply") end
mt.abort(conn)

mt.mailfrom(conn, "anna@example.com")
mt.rcptto(conn, "carl@example.org")
mt.header(conn, "Subject", "y")
mt.eoh(conn)
mt.bodystring(conn, "text\r\n")
if mt.eom(conn) ~= nil then error("eom") end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error("reply " .. mt.getreply(conn)) end
mt.disconnect(conn)
