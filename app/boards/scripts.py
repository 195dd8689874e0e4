"""The Lua scripts that run inside Redis, each whole by itself.

Every script touches the keys of one board, or the control hash alone, so all run on a cluster too. Scores travel as
text, for a number that Lua makes into text keeps 14 digits only. Bytes are compared by hand, for ``<`` of Lua goes by
the server's locale.
"""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name that Redis knows it by once it is loaded."""

    text: str
    joins: bool = False
    """Whether it answers with something common and then for each of its arguments, so that calls may be joined."""
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())


_ORDER = """
local function comes_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- How many of a sorted set come before (score, member), and whether that is in it right there.
-- Where it is not, its place among equal scores is found by halving.
local function count_before(set, score, member)
  local present = redis.call('ZSCORE', set, member)
  if present and tonumber(present) == tonumber(score) then
    return redis.call('ZRANK', set, member), true
  end
  local low = redis.call('ZCOUNT', set, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', set, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if comes_before(redis.call('ZRANGE', set, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low, false
end

local function count_higher(set, score)
  return redis.call('ZCOUNT', set, '-inf', '(' .. score)
end

-- Rows from one place to another, counted from 0, and how many are strictly higher than the first of them.
local function rows_between(set, first, last)
  if last < first then return {}, 0 end
  local rows = redis.call('ZRANGE', set, first, last, 'WITHSCORES')
  return rows, rows[2] and count_higher(set, rows[2]) or 0
end

-- List, score, tie and member in the sorted set of who is on the board.
local function find(members, id)
  local held = redis.call('HGET', members, id)
  if not held then return nil end
  local list, score, tie = string.match(held, '^%d+ (%S) (%S*) (%S*)$')
  if list == '-' then return nil end
  return list, score, tie, tie .. ':' .. id
end
"""

PLACE = Script("""
-- KEYS listed, unlisted, members. ARGV when the keys expire (seconds, or nothing); then a JSON list of texts: of each
-- member id, revision, list, score, tie. Answers the ids of which something newer is held already.
local sets = {L = KEYS[1], U = KEYS[2]}
local given, newer = cjson.decode(ARGV[2]), {}
for at = 1, #given, 5 do
  local id, revision, list, score, tie = given[at], given[at + 1], given[at + 2], given[at + 3], given[at + 4]
  local held = redis.call('HGET', KEYS[3], id)
  local held_revision, held_list, held_score, held_tie
  if held then
    held_revision, held_list, held_score, held_tie = string.match(held, '^(%d+) (%S) (%S*) (%S*)$')
  end
  if not held or tonumber(held_revision) < tonumber(revision) then
    if held and held_list ~= '-' and (held_list ~= list or held_tie ~= tie) then
      redis.call('ZREM', sets[held_list], held_tie .. ':' .. id)
    end
    if list ~= '-' then
      redis.call('ZADD', sets[list], score, tie .. ':' .. id)
    end
    redis.call('HSET', KEYS[3], id, revision .. ' ' .. list .. ' ' .. score .. ' ' .. tie)
  elseif tonumber(held_revision) > tonumber(revision) then
    newer[#newer + 1] = id
  end
end
if ARGV[1] ~= '' then
  for _, key in ipairs(KEYS) do redis.call('EXPIREAT', key, ARGV[1]) end
end
return newer
""")

TOP = Script(
    _ORDER
    + """
-- KEYS listed. ARGV how many; the score and the member to begin after, or nothing.
local first = 0
if ARGV[2] then
  local before, present = count_before(KEYS[1], ARGV[2], ARGV[3])
  first = present and before + 1 or before
end
local rows, higher = rows_between(KEYS[1], first, first + tonumber(ARGV[1]) - 1)
return {redis.call('ZCARD', KEYS[1]), first, higher, rows}
"""
)

AROUND = Script(
    _ORDER
    + """
-- KEYS listed, unlisted, members. ARGV member id, how many on each side.
local total = redis.call('ZCARD', KEYS[1])
local list, score, tie, member = find(KEYS[3], ARGV[1])
if not list then return {total} end
local before, present = count_before(KEYS[1], score, member)
local first = math.max(0, before - tonumber(ARGV[2]))
local last = before + tonumber(ARGV[2]) - (present and 0 or 1)
local rows, higher = rows_between(KEYS[1], first, last)
return {total, first, higher, rows, list, score, tie, before, count_higher(KEYS[1], score)}
"""
)

RANK = Script(
    _ORDER
    + """
-- KEYS listed, unlisted, members. ARGV member ids. How many are listed, and the place of each; nothing for who is not
-- on the board.
local answer = {redis.call('ZCARD', KEYS[1])}
for at, id in ipairs(ARGV) do
  local list, score, tie, member = find(KEYS[3], id)
  answer[at + 1] = {}
  if list then
    local before = count_before(KEYS[1], score, member)
    local higher = count_higher(KEYS[1], score)
    local ahead, ahead_higher = rows_between(KEYS[1], before - 1, before > 0 and before - 1 or -2)
    local better, better_higher = rows_between(KEYS[1], higher - 1, higher > 0 and higher - 1 or -2)
    answer[at + 1] = {list, score, tie, before, higher, ahead, ahead_higher, better, better_higher}
  end
end
return answer
""",
    joins=True,
)

AMONG = Script("""
-- KEYS listed, unlisted, members. ARGV member ids.
return {redis.call('ZCARD', KEYS[1]), #ARGV > 0 and redis.call('HMGET', KEYS[3], unpack(ARGV)) or {}}
""")

_CONTROL = """
local function control()
  return redis.call('HMGET', KEYS[1], 'epoch', 'current', 'building', 'writes')
end
"""

READ_CONTROL = Script(_CONTROL + "return control()")

COUNT_WRITE = Script(
    _CONTROL
    + """
-- An emptied server is left empty, so that it can be told from one that was not.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'writes', 1) end
return control()
"""
)

BEGIN = Script("""
-- ARGV generation. Answers 0 where a newer one is there or under way.
for _, field in ipairs({'current', 'building'}) do
  if tonumber(redis.call('HGET', KEYS[1], field) or 0) >= tonumber(ARGV[1]) then return 0 end
end
redis.call('HSET', KEYS[1], 'building', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return 1
""")

ABANDON = Script("""
if redis.call('HGET', KEYS[1], 'building') == ARGV[1] then redis.call('HDEL', KEYS[1], 'building') end
return 1
""")

SWAP = Script("""
-- ARGV generation, epoch, the least number of writes. Answers 0 where what was built may have lost something.
if redis.call('HGET', KEYS[1], 'building') ~= ARGV[1] then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'writes') or 0) < tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'current', ARGV[1], 'epoch', ARGV[2])
redis.call('HDEL', KEYS[1], 'building')
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return 1
""")

PLANT = Script("redis.call('SET', KEYS[1], 1) return 1")
ALIVE = Script("return redis.call('EXISTS', KEYS[1])")
HELD = Script("""
-- KEYS listed, unlisted, members. ARGV member ids. What the hash holds of each, and where each is in the sorted sets.
local found = {}
for _, id in ipairs(ARGV) do
  local held = redis.call('HGET', KEYS[3], id)
  local places = {held or '', '', ''}
  local tie = held and string.match(held, '(%S*)$')
  if tie and tie ~= '' then
    places[2] = redis.call('ZSCORE', KEYS[1], tie .. ':' .. id) or ''
    places[3] = redis.call('ZSCORE', KEYS[2], tie .. ':' .. id) or ''
  end
  found[#found + 1] = places
end
return found
""")
SIZES = Script("return {redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2])}")

ALL = (PLACE, TOP, AROUND, RANK, AMONG, READ_CONTROL, COUNT_WRITE, BEGIN, ABANDON, SWAP, PLANT, ALIVE, HELD, SIZES)
