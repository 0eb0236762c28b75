#!lua flags=allow-oom
-- Counts the members and their users, without listing them.
--
-- KEYS[1] members, and how many of them each user has
-- KEYS[2] joins: connection ids in the order in which they came
-- KEYS[3] expiries: connection ids by when they expire, in milliseconds since 1970
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] 1: first removes who has expired
-- Returns {members, users}.

-- include send
-- include member
-- include expiry

if ARGV[3] == '1' then
  removeExpired()
end
return { count() }
