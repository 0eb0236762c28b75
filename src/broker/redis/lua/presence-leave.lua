#!lua flags=allow-oom
-- Removes members and tells of it.
--
-- KEYS[1] members, and how many of them each user has
-- KEYS[2] joins: connection ids in the order in which they came
-- KEYS[3] expiries: connection ids by when they expire, in milliseconds since 1970
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] only what this owner entered last; empty: whoever did
-- ARGV[4] connection id, and so on: up to some hundred
-- Returns 0.

-- include send
-- include member

for index = 4, #ARGV do
  local stored = memberOf(ARGV[index])
  if stored and (ARGV[3] == '' or ARGV[3] == ownerOf(stored)) then
    remove(ARGV[index], stored)
  end
end
return 0
