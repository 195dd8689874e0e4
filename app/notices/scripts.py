"""The Lua scripts that run inside Redis on one stream each, every one whole by itself.

The place of a stream is the position of the last entry that was ever in it; 0 for one that is empty, and -1 where there
is none. An entry is only ever added behind the one that comes before it in the feed, so up to its place a stream lacks
nothing but what was trimmed, however many write to it and whatever order they come in.
"""

from app.boards.scripts import Script
from app.notices.entries import FIELDS

_PLACE = """
local function number(id) return tonumber(string.match(id, '^(%d+)')) end
local function text(position) return string.format('%.0f-0', position) end
local function place(stream)
  if redis.call('EXISTS', stream) == 0 then return -1 end
  local facts = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' then return number(facts[i + 1]) end
  end
end
"""

PLACE = Script(_PLACE + "return place(KEYS[1])")
"""-> where the stream is."""

ADD = Script(
    _PLACE
    + f"local names = {{{', '.join(repr(name) for name in FIELDS)}}}"
    + """
local last, after, upto = place(KEYS[1]), tonumber(ARGV[1]), tonumber(ARGV[2])
if last < after then return last end
for i = 4, #ARGV, #names do
  local position = tonumber(ARGV[i + #names - 2])
  if position > last then
    local entry = {}
    for j = 1, #names do
      entry[2 * j - 1], entry[2 * j] = names[j], ARGV[i + j - 1]
    end
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], text(position), unpack(entry))
    last = position
  end
end
if last < upto then
  redis.call('XSETID', KEYS[1], text(upto))
  last = upto
end
return last
"""
)
"""(after, upto, most entries, values of entries...) -> where the stream is then.

Adds all entries between two places that are not there yet; nothing where the stream is not as far as ``after``."""

RESTORE = Script(
    _PLACE
    + """
local last, seen = place(KEYS[1]), tonumber(ARGV[1])
if last ~= seen and (last > 0 or seen > 0) then return last end
local start, mark, groups = tonumber(ARGV[2]), tonumber(ARGV[3]), {[''] = '0-0'}
if last >= 0 then
  for _, facts in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    groups[facts[2]] = text(mark)
  end
end
if last > 0 then redis.call('DEL', KEYS[1]) end
for i = 4, #ARGV, 2 do groups[ARGV[i]] = text(tonumber(ARGV[i + 1])) end
for name, id in pairs(groups) do
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], name, id, 'MKSTREAM')
  if made.err then redis.call('XGROUP', 'SETID', KEYS[1], name, id) end
end
redis.call('XGROUP', 'DESTROY', KEYS[1], '')
if start > 0 then redis.call('XSETID', KEYS[1], text(start)) end
return start
"""
)
"""(place as it was seen, place to begin at, mark, group, what it has acknowledged, ...) -> where the stream is then.

Makes the stream anew, empty, with these groups; others that it has are put at the mark. Nothing happens where it is no
longer as it was seen; one that was not there, and that a worker has made empty to register, still is. The group without
a name is there for the moment only: that is how an empty stream is made."""

ENSURE = Script(
    _PLACE
    + """
for i = 1, #ARGV, 2 do
  redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[i], text(tonumber(ARGV[i + 1])))
end
return place(KEYS[1])
"""
)
"""(group, what it has acknowledged, ...) -> where the stream is. Makes those of the groups that are missing."""

REGISTER = Script("return redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '$', 'MKSTREAM').err and 0 or 1")
"""(group) -> 1 where it was made, to get what comes from now on; 0 where it was there."""

ACKNOWLEDGED = Script(
    _PLACE
    + """
local answer = {place(KEYS[1])}
if answer[1] < 0 then return answer end
for _, facts in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #facts, 2 do group[facts[i]] = facts[i + 1] end
  local upto = number(group['last-delivered-id'])
  if group['pending'] > 0 then
    upto = math.min(upto, number(redis.call('XPENDING', KEYS[1], group['name'])[2]) - 1)
  end
  table.insert(answer, group['name'])
  table.insert(answer, upto)
end
return answer
"""
)
"""-> where the stream is, then each group and up to where it has acknowledged everything."""

TRIM = Script(_PLACE + "return redis.call('XTRIM', KEYS[1], 'MINID', '~', text(tonumber(ARGV[1])))")
"""(position) -> how many entries were dropped, all of them before it."""

ALL = (PLACE, ADD, RESTORE, ENSURE, REGISTER, ACKNOWLEDGED, TRIM)
