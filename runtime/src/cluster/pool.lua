-- One exchange about one counter of an organisation's reads, in one round trip: how a process stands, what it is lent.
--
-- KEYS[1]  the counter, a hash: `a:<ms>` are points answered before that moment, `m:<process>` is how one stands:
--          its last number, what it holds, what was ever answered to it, when it is taken for gone
-- KEYS[2]  since when anything here is known
-- ARGV     our name, number, held, answered, recent, wanted, how long what a silent process holds counts, how finely
--          time is told apart, how long nothing is lent after a loss (all ms), then seconds and cap of each window
-- Returns  points lent, the room that is left, the ms until there may be more; or nothing where a later word of ours
--          has come already
local me, number, held, answered = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local recent, wanted, silence = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local grain, loss = tonumber(ARGV[8]), tonumber(ARGV[9])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('GET', KEYS[2]) or '')
if not since then
    since = now
    redis.call('SET', KEYS[2], string.format('%d', now))
end

local windows, longest = {}, 0
for at = 10, #ARGV, 2 do
    local length = tonumber(ARGV[at]) * 1000
    windows[#windows + 1] = { length = length, cap = tonumber(ARGV[at + 1]), used = held, leaves = -1 }
    longest = math.max(longest, length)
end
local function count(at, points)
    for _, window in ipairs(windows) do
        local leaves = at + window.length - now
        if leaves > 0 then
            window.used = window.used + points
            if window.leaves < 0 or leaves < window.leaves then
                window.leaves = leaves
            end
        end
    end
end
-- Rounded up: what is counted too long is only read later.
local function answer(at, points)
    if points > 0 then
        local field = string.format('a:%d', math.ceil((at + 1) / grain) * grain)
        redis.call('HINCRBY', KEYS[1], field, points)
    end
end

local known
local all = redis.call('HGETALL', KEYS[1])
local others = {}
for at = 1, #all, 2 do
    local field, value = all[at], all[at + 1]
    if string.sub(field, 1, 2) == 'm:' then
        local words = {}
        for word in string.gmatch(value, '%d+') do
            words[#words + 1] = tonumber(word)
        end
        local id = string.sub(field, 3)
        if id == me then
            known = words
        elseif words[4] <= now then
            -- Gone without a word: what it held was sent by then, if it was.
            redis.call('HDEL', KEYS[1], field)
            answer(words[4], words[2])
            count(words[4] + grain, words[2])
        else
            others[#others + 1] = words[2]
        end
    else
        local at = tonumber(string.sub(field, 3))
        if at + longest <= now then
            redis.call('HDEL', KEYS[1], field)
        else
            count(at, tonumber(value))
        end
    end
end
if known and known[1] >= number then
    return {}
end
for _, points in ipairs(others) do
    for _, window in ipairs(windows) do
        window.used = window.used + points
    end
end
local spent = recent
if known then
    spent = math.max(answered - known[3], 0)
end
answer(now, spent)
count(now + grain, spent)

local room, again = -1, grain
for _, window in ipairs(windows) do
    local left = math.max(window.cap - window.used, 0)
    if room < 0 or left < room then
        room = left
        again = math.max(window.leaves, grain)
    end
end
local lent = math.min(wanted, math.max(room, 0))
if now < since + loss then
    lent, again = 0, since + loss - now
end
local word = string.format('%d %d %d %d', number, held + lent, answered, now + silence)
redis.call('HSET', KEYS[1], 'm:' .. me, word)
redis.call('PEXPIRE', KEYS[1], longest + silence + 2 * grain)
return { lent, room - lent, again }
