-- Publishes, before the script writes anything: Redis keeps what a script has written until an error. Publishing fails
-- only where this user may not, of which not all versions of Redis say NOPERM.
local function send(payload)
  local reply = redis.pcall(ARGV[1], ARGV[2], payload)
  if type(reply) == 'table' and reply.err then
    error({ err = (string.gsub(reply.err, '^ERR ', 'NOPERM ')) })
  end
end
