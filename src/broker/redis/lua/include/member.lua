-- The members' hash: `c<connection id>` is a stored member, `u<user>` the number of his members, `n` the number of users.
-- In one key, so that the numbers are right whatever Redis has let go of (eviction), and so that all keys of a
-- subscription are there or none is: while a slot migrates, a cluster carries out nothing of which a part is missing.
local function memberOf(id)
  return redis.call('HGET', KEYS[1], 'c' .. id)
end

-- Answers how many members there are, and how many users.
local function count()
  local fields = redis.call('HLEN', KEYS[1])
  local users = tonumber(redis.call('HGET', KEYS[1], 'n') or 0)
  return fields - users - (users > 0 and 1 or 0), users
end

-- A stored member begins with field 7, its owner (at most 127 bytes); what follows are the fields of its events, with
-- field 6, the user, first where there is one.
local function ownerOf(stored)
  return string.sub(stored, 3, 2 + string.byte(stored, 2))
end

local function fieldsOf(stored)
  return string.sub(stored, 3 + string.byte(stored, 2))
end

local function userOf(stored)
  local at = 3 + string.byte(stored, 2)
  if string.byte(stored, at) ~= 6 then
    return nil
  end
  local length = 0
  local factor = 1
  repeat
    at = at + 1
    local byte = string.byte(stored, at)
    length = length + (byte % 128) * factor
    factor = factor * 128
  until byte < 128
  return string.sub(stored, at + 1, at + length)
end

-- Types of envelopes.
local join, update, leave, fence = 2, 3, 4, 5

local function tell(type, fields)
  send('\255\1' .. string.char(type) .. fields)
end

local function add(field, by)
  local number = redis.call('HINCRBY', KEYS[1], field, by)
  if number <= 0 then
    redis.call('HDEL', KEYS[1], field)
  end
  return number
end

local function countUser(user, by)
  if user then
    local number = add('u' .. user, by)
    if number == math.max(by, 0) then
      add('n', by)
    end
  end
end

-- Where Redis has let go of the stored member (eviction) there is its connection id to be told, field 5.
local function bareFields(id)
  local length = #id
  local bytes = ''
  while length > 127 do
    bytes = bytes .. string.char(128 + length % 128)
    length = math.floor(length / 128)
  end
  return '\5' .. bytes .. string.char(length) .. id .. '\0'
end

local function remove(id, stored)
  tell(leave, stored and fieldsOf(stored) or bareFields(id))
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  if stored then
    redis.call('HDEL', KEYS[1], 'c' .. id)
    countUser(userOf(stored), -1)
  end
end
