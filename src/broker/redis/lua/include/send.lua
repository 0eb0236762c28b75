-- What is refused before anything has been published or written has a code of its own: the rest of a script may be
-- refused to its user as well, and then the publication is out.
local function refuse(reason)
  error({ err = 'NOPUBLISH ' .. reason })
end

-- For the commands that come after `send`: where this user may not run one, nothing is done.
local function permit(command, ...)
  if not redis.acl_check_cmd(command, ...) then
    refuse("this user has no permissions to run the '" .. string.lower(command) .. "' command on this key")
  end
end

-- Publishes, before the script writes anything: Redis keeps what a script has written until an error. Publishing fails
-- only where this user may not, of which not all versions of Redis say NOPERM.
local function send(payload)
  local reply = redis.pcall(ARGV[1], ARGV[2], payload)
  if type(reply) == 'table' and reply.err then
    local reason = string.match(reply.err, '^ERR (.*)') or string.match(reply.err, '^NOPERM (.*)')
    if reason then
      refuse(reason)
    end
    error({ err = reply.err })
  end
end
