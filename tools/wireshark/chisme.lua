-- Wireshark dissector for chisme's compact frames, version 1. PROTOCOL.md is the specification; the numbers of
-- sections in the comments below are of that page. docs/WIRESHARK.md says how to install and use this file.
--
-- Needs Wireshark or tshark, and nothing else; tested with 4.0 (Lua 5.2). It shows what one frame shows. A
-- frame that every node would refuse is marked with the name under which a node counts it (section 3.3).

local chisme = Proto("chisme", "chisme gossip")

local TWO_32 = 4294967296

local function u32of(number) return number % TWO_32 end

-- Lua 5.2 has bit32. Where it is missing there is Wireshark's own module, whose results are signed.
local bits = bit32
if not bits then
  bits = {}
  for _, name in ipairs({ "band", "bor", "bxor", "bnot", "lshift", "rshift" }) do
    bits[name] = function(...) return u32of(bit[name](...)) end
  end
end
local band, bor, bxor, lshift, rshift = bits.band, bits.bor, bits.bxor, bits.lshift, bits.rshift

-- ---- Preferences ---------------------------------------------------------------------------------------------------

local PORT = 5000
chisme.prefs.port = Pref.uint("UDP port", PORT, "All datagrams from and to this port are shown as chisme's. "
  .. "Frames on other ports are found by their first bytes.")
chisme.prefs.keys = Pref.string("Keys", "", "Keys of sealed networks: 64 hexadecimal digits each, with commas between. "
  .. "Wireshark keeps them in clear in its preferences.")

-- ---- Names ---------------------------------------------------------------------------------------------------------

local SYN, ACK, DIFF, LEAVE = 1, 2, 3, 4
local TYPES = {
  [1] = "SYN", [2] = "ACK", [3] = "DIFF", [4] = "LEAVE", [5] = "SYN (advertised)", [6] = "ACK (advertised)",
  [7] = "DIFF (advertised)",
}
local SHORT_TYPES = { "SYN", "ACK", "DIFF", "LEAVE" }
local STATES = {
  [0] = "UP", [1] = "PROBED", [2] = "SUSPECT", [3] = "DOWN", [4] = "REMOVE", [5] = "LEFT", [6] = "UP, asleep",
}
local ADDRESS_FORMS = {
  [0] = "source of the datagram", [1] = "network and port of the first one in full, or a check",
  [2] = "in full", [3] = "in full, foreign row",
}
local WANT, ROWS, DIGEST, RANGE_FINGERPRINTS, ROW_FINGERPRINTS, PING_REQ, INDIRECT_ACK = 1, 2, 3, 4, 5, 6, 7
local SNAPSHOT, EVENTS, FEEDS_HASH, GAP, HISTORY, LIMITS, MESSAGE, HOP = 8, 9, 10, 11, 12, 13, 14, 15
local LINK_REPORT, TIME, WINDOW, SKETCH = 16, 17, 18, 19
local SECTIONS = {
  [1] = "WANT", [2] = "ROWS", [3] = "DIGEST", [4] = "RANGE-FINGERPRINTS", [5] = "ROW-FINGERPRINTS", [6] = "PING-REQ",
  [7] = "INDIRECT-ACK", [8] = "SNAPSHOT", [9] = "EVENTS", [10] = "FEEDS-HASH", [11] = "GAP", [12] = "HISTORY",
  [13] = "LIMITS", [14] = "MESSAGE", [15] = "HOP", [16] = "LINK-REPORT", [17] = "TIME", [18] = "WINDOW",
  [19] = "SKETCH",
}
local FORMS = { [0] = "log", [1] = "set", [2] = "remove", [3] = "set for a time" }
local KINDS = {
  [0] = "SEND", [1] = "RECEIPT", [2] = "BROADCAST", [3] = "QUERY", [4] = "REPLY", [5] = "PING", [6] = "PONG",
}
local WHATS = { [0] = "NEW", [1] = "HAD", [2] = "FULL", [3] = "NO WAY", [4] = "REFUSED" }

-- ---- Fields --------------------------------------------------------------------------------------------------------

local f = {
  version = ProtoField.uint8("chisme.version", "Version", base.DEC, nil, 0x0f),
  type = ProtoField.uint8("chisme.type", "Type", base.DEC, TYPES, 0x07),
  flag_network = ProtoField.bool("chisme.flags.network", "NETWORK", 8, nil, 0x08),
  flag_sealed = ProtoField.bool("chisme.flags.sealed", "SEALED", 8, nil, 0x10),
  flag_broadcast = ProtoField.bool("chisme.flags.broadcast", "BROADCAST", 8, nil, 0x20),
  flag_in_sync = ProtoField.bool("chisme.flags.in_sync", "IN-SYNC", 8, nil, 0x20),
  flag_more = ProtoField.bool("chisme.flags.more", "MORE", 8, nil, 0x40),
  flag_challenge = ProtoField.bool("chisme.flags.challenge", "CHALLENGE", 8, nil, 0x80),
  flag_unaddressed = ProtoField.bool("chisme.flags.unaddressed", "UNADDRESSED", 8, nil, 0x80),
  network = ProtoField.uint8("chisme.network", "Octet of the network", base.HEX),
  id = ProtoField.uint32("chisme.id", "Id", base.HEX),
  revision = ProtoField.uint32("chisme.revision", "Revision", base.DEC),
  counter = ProtoField.uint32("chisme.counter", "Counter", base.DEC),
  heartbeat = ProtoField.uint32("chisme.heartbeat", "Heartbeat", base.DEC),
  table_hash = ProtoField.bytes("chisme.table_hash", "Table hash", base.NONE),
  in_reply_to = ProtoField.uint32("chisme.in_reply_to", "In reply to", base.DEC),
  sealed = ProtoField.string("chisme.sealed", "Sealed"),
  receiver = ProtoField.uint32("chisme.receiver", "Sealed for", base.HEX),
  drop = ProtoField.string("chisme.drop", "Drop"),
  section = ProtoField.uint8("chisme.section", "Section", base.DEC, SECTIONS),
  section_unknown = ProtoField.bytes("chisme.section.unknown", "Content"),
  section_length = ProtoField.uint16("chisme.section.length", "Length", base.DEC, nil, 0x07ff),
  want_id = ProtoField.uint32("chisme.want.id", "Wanted id", base.HEX),
  ping_req_id = ProtoField.uint32("chisme.ping_req.id", "Id to probe", base.HEX),
  indirect_ack_id = ProtoField.uint32("chisme.indirect_ack.id", "Id that was heard", base.HEX),
  row_form = ProtoField.uint8("chisme.row.form", "Address", base.DEC, ADDRESS_FORMS, 0x18),
  row_id = ProtoField.uint32("chisme.row.id", "Id", base.HEX),
  row_state = ProtoField.uint8("chisme.row.state", "State", base.DEC, STATES, 0x07),
  row_address = ProtoField.ipv4("chisme.row.address", "Address"),
  row_port = ProtoField.uint16("chisme.row.port", "Port", base.DEC),
  row_foreign = ProtoField.bool("chisme.row.foreign", "Foreign"),
  row_check = ProtoField.uint8("chisme.row.check", "Check of address, port and revision", base.HEX),
  row_revision = ProtoField.uint32("chisme.row.revision", "Revision", base.DEC),
  row_heartbeat = ProtoField.uint32("chisme.row.heartbeat", "Heartbeat", base.DEC),
  row_back = ProtoField.uint32("chisme.row.back", "Back in seconds", base.DEC),
  row_feed_sequence = ProtoField.uint32("chisme.row.feed.sequence", "Feed: sequence number", base.DEC),
  row_feed_generation = ProtoField.uint32("chisme.row.feed.generation", "Feed: generation", base.DEC),
  row_feed_tip = ProtoField.uint16("chisme.row.feed.tip", "Feed: shown tip", base.HEX),
  row_lacks_value = ProtoField.bool("chisme.row.lacks_value", "Sender lacks the value"),
  row_name = ProtoField.string("chisme.row.name", "Name", base.UNICODE),
  row_version = ProtoField.string("chisme.row.version", "Version", base.UNICODE),
  row_value = ProtoField.string("chisme.row.value", "Value", base.UNICODE),
  digest_from = ProtoField.uint32("chisme.digest.from", "From order key", base.HEX),
  digest_to = ProtoField.uint32("chisme.digest.to", "To order key", base.HEX),
  digest_id = ProtoField.uint32("chisme.digest.id", "Id", base.HEX),
  digest_state = ProtoField.uint8("chisme.digest.state", "State", base.DEC, STATES, 0x7f),
  digest_revision = ProtoField.uint32("chisme.digest.revision", "Revision", base.DEC),
  digest_heartbeat = ProtoField.uint32("chisme.digest.heartbeat", "Heartbeat", base.DEC),
  digest_feed = ProtoField.uint8("chisme.digest.feed", "Fingerprint of the feed", base.HEX),
  log = ProtoField.uint8("chisme.fingerprints.log", "Base-2 logarithm of the number of ranges", base.DEC, nil, 0x7f),
  with_feeds = ProtoField.bool("chisme.fingerprints.with_feeds", "Over rows and feeds", 8, nil, 0x80),
  fingerprints = ProtoField.bytes("chisme.fingerprints", "Fingerprints"),
  range = ProtoField.uint32("chisme.fingerprints.range", "Range", base.DEC),
  range_count = ProtoField.uint32("chisme.fingerprints.count", "Rows", base.DEC),
  roster = ProtoField.uint8("chisme.fingerprints.roster", "Roster", base.HEX),
  feeds_hash = ProtoField.uint32("chisme.feeds_hash", "Feeds hash", base.HEX),
  gap_author = ProtoField.uint32("chisme.gap.author", "Author", base.HEX),
  gap_generation = ProtoField.uint32("chisme.gap.generation", "Generation", base.DEC),
  gap_floor = ProtoField.uint32("chisme.gap.floor", "Floor", base.DEC),
  gap_tip = ProtoField.uint16("chisme.gap.tip", "Shown tip", base.HEX),
  history_tip = ProtoField.bytes("chisme.history.tip", "Tip before"),
  batch_author = ProtoField.uint32("chisme.batch.author", "Author", base.HEX),
  batch_generation = ProtoField.uint32("chisme.batch.generation", "Generation", base.DEC),
  batch_first = ProtoField.uint32("chisme.batch.first", "First sequence number", base.DEC),
  batch_check = ProtoField.uint32("chisme.batch.check", "Check", base.HEX),
  chunk_last = ProtoField.bool("chisme.chunk.last", "Last chunk"),
  chunk_after = ProtoField.uint32("chisme.chunk.after", "After", base.DEC),
  chunk_base = ProtoField.uint32("chisme.chunk.base", "Base", base.DEC),
  chunk_last_removal = ProtoField.uint32("chisme.chunk.last_removal", "Last removal", base.DEC),
  chunk_tip = ProtoField.bytes("chisme.chunk.tip", "Tip"),
  event_sequence = ProtoField.uint32("chisme.event.sequence", "Sequence number", base.DEC),
  event_kind = ProtoField.string("chisme.event.kind", "Kind"),
  event_time = ProtoField.absolute_time("chisme.event.time", "Stamp", base.UTC),
  event_counter = ProtoField.uint32("chisme.event.counter", "Stamp: counter", base.DEC),
  event_topic = ProtoField.string("chisme.event.topic", "Topic", base.UNICODE),
  event_key = ProtoField.string("chisme.event.key", "Key", base.UNICODE),
  event_ttl = ProtoField.uint32("chisme.event.ttl", "Time to live in seconds", base.DEC),
  event_ended = ProtoField.absolute_time("chisme.event.ended", "Stamp of the ended event", base.UTC),
  event_origin = ProtoField.uint32("chisme.event.origin", "Copy of an event of", base.HEX),
  event_origin_time = ProtoField.absolute_time("chisme.event.origin_time", "Stamp of the original", base.UTC),
  event_value = ProtoField.string("chisme.event.value", "Payload", base.UNICODE),
  event_delta = ProtoField.uint32("chisme.event.delta", "Difference from the event at byte", base.DEC),
  value_bytes = ProtoField.uint32("chisme.limits.value_bytes", "Longest value in bytes", base.DEC),
  event_bytes = ProtoField.uint32("chisme.limits.event_bytes", "Longest event in bytes", base.DEC),
  capacity = ProtoField.uint32("chisme.limits.capacity", "Room for rows", base.DEC),
  network_hash = ProtoField.uint32("chisme.limits.network_hash", "Hash of the network's name", base.HEX),
  message_repeat = ProtoField.uint8("chisme.message.repeat", "Repeat", base.DEC, nil, 0xe0),
  message_hops = ProtoField.uint8("chisme.message.hops", "Hops so far", base.DEC, nil, 0x1f),
  message_left = ProtoField.uint24("chisme.message.left", "Life left in ms", base.DEC),
  message_kind = ProtoField.uint8("chisme.message.kind", "Kind", base.DEC, KINDS),
  message_to = ProtoField.uint32("chisme.message.to", "To", base.HEX),
  message_from = ProtoField.uint32("chisme.message.from", "From", base.HEX),
  message_number = ProtoField.uint32("chisme.message.number", "Number", base.DEC),
  message_query = ProtoField.uint32("chisme.message.query", "Number of the query", base.DEC),
  message_payload = ProtoField.bytes("chisme.message.payload", "Payload"),
  message_topic = ProtoField.string("chisme.message.topic", "Topic", base.UNICODE),
  message_value = ProtoField.string("chisme.message.value", "Value", base.UNICODE),
  message_receipt = ProtoField.uint8("chisme.message.receipt", "Receipt", base.DEC, { [0] = "taken", [1] = "refused" }),
  message_relay = ProtoField.uint32("chisme.message.relay", "Relay", base.HEX),
  message_sealed = ProtoField.string("chisme.message.sealed", "Sealed between the ends"),
  hop_what = ProtoField.uint8("chisme.hop.what", "What", base.DEC, WHATS),
  hop_check = ProtoField.uint16("chisme.hop.check", "Check", base.HEX),
  hop_count = ProtoField.uint8("chisme.hop.count", "Messages that wait", base.DEC),
  link_sent = ProtoField.uint16("chisme.link.sent", "Frames sent", base.DEC),
  link_received = ProtoField.uint16("chisme.link.received", "Frames received", base.DEC),
  time_request = ProtoField.bool("chisme.time.request", "Request"),
  time_unix = ProtoField.absolute_time("chisme.time.unix", "Time", base.UTC),
  time_source = ProtoField.uint32("chisme.time.source", "Source", base.HEX),
  time_hops = ProtoField.uint8("chisme.time.hops", "Hops", base.DEC),
  time_error = ProtoField.uint32("chisme.time.error", "Error in ms", base.DEC),
  time_age = ProtoField.uint32("chisme.time.age", "Age in seconds", base.DEC),
  window = ProtoField.uint8("chisme.window", "Datagrams at a time", base.DEC),
  sketch = ProtoField.bytes("chisme.sketch", "Syndromes"),
  json_mark = ProtoField.bool("chisme.json.mark", "Sender understands compact frames"),
}
local all_fields = {}
for _, field in pairs(f) do all_fields[#all_fields + 1] = field end
chisme.fields = all_fields

local groups, severities = expert.group, expert.severity
local refused = ProtoExpert.new("chisme.refused", "Refused by every node", groups.MALFORMED, severities.ERROR)
local ignored = ProtoExpert.new("chisme.ignored", "Section ignored", groups.PROTOCOL, severities.WARN)
chisme.experts = { refused, ignored }

-- ---- AES-SIV (RFC 5297) with AES-128. Wireshark's Lua 4.0 has no ciphers. -------------------------------------------

local aes = {}
do
  local sbox, mix = {}, { {}, {}, {}, {} }
  local function double(byte)
    local shifted = lshift(byte, 1)
    return shifted > 0xff and bxor(shifted, 0x11b) or shifted
  end
  local function rotate8(byte, by) return band(bor(lshift(byte, by), rshift(byte, 8 - by)), 0xff) end
  -- Walks all inverses in GF(2^8): p runs over the powers of 3, q over those of its inverse.
  local p, q = 1, 1
  repeat
    p = bxor(p, double(p))
    q = bxor(q, lshift(q, 1))
    q = bxor(q, lshift(q, 2))
    q = band(bxor(q, lshift(q, 4)), 0xff)
    if q >= 0x80 then q = bxor(q, 0x09) end
    sbox[p] = bxor(q, rotate8(q, 1), rotate8(q, 2), rotate8(q, 3), rotate8(q, 4), 0x63)
  until p == 1
  sbox[0] = 0x63
  for i = 0, 255 do
    local s = sbox[i]
    local s2 = double(s)
    local s3 = bxor(s2, s)
    mix[1][i] = s2 * 0x1000000 + s * 0x10000 + s * 0x100 + s3
    mix[2][i] = s3 * 0x1000000 + s2 * 0x10000 + s * 0x100 + s
    mix[3][i] = s * 0x1000000 + s3 * 0x10000 + s2 * 0x100 + s
    mix[4][i] = s * 0x1000000 + s * 0x10000 + s3 * 0x100 + s2
  end

  local function word_at(text, at)
    local a, b, c, d = text:byte(at, at + 3)
    return a * 0x1000000 + b * 0x10000 + c * 0x100 + d
  end

  local function text_of(a, b, c, d)
    local out = {}
    for i, word in ipairs({ a, b, c, d }) do
      out[i] = string.char(rshift(word, 24), band(rshift(word, 16), 0xff), band(rshift(word, 8), 0xff),
        band(word, 0xff))
    end
    return table.concat(out)
  end

  local function expand(key)
    local words = {}
    for i = 0, 3 do words[i] = word_at(key, 4 * i + 1) end
    local round_constant = 1
    for i = 4, 43 do
      local t = words[i - 1]
      if i % 4 == 0 then
        t = sbox[band(rshift(t, 16), 0xff)] * 0x1000000 + sbox[band(rshift(t, 8), 0xff)] * 0x10000
          + sbox[band(t, 0xff)] * 0x100 + sbox[rshift(t, 24)]
        t = bxor(t, round_constant * 0x1000000)
        round_constant = double(round_constant)
      end
      words[i] = bxor(words[i - 4], t)
    end
    return words
  end

  local m1, m2, m3, m4 = mix[1], mix[2], mix[3], mix[4]
  local function column(k, a, b, c, d)
    return bxor(m1[band(rshift(a, 24), 0xff)], m2[band(rshift(b, 16), 0xff)], m3[band(rshift(c, 8), 0xff)],
      m4[band(d, 0xff)], k)
  end
  local function last_column(k, a, b, c, d)
    return bxor(sbox[band(rshift(a, 24), 0xff)] * 0x1000000 + sbox[band(rshift(b, 16), 0xff)] * 0x10000
      + sbox[band(rshift(c, 8), 0xff)] * 0x100 + sbox[band(d, 0xff)], k)
  end
  local function encrypt(k, a, b, c, d)
    a, b, c, d = bxor(a, k[0]), bxor(b, k[1]), bxor(c, k[2]), bxor(d, k[3])
    for i = 4, 36, 4 do
      a, b, c, d = column(k[i], a, b, c, d), column(k[i + 1], b, c, d, a), column(k[i + 2], c, d, a, b),
        column(k[i + 3], d, a, b, c)
    end
    return last_column(k[40], a, b, c, d), last_column(k[41], b, c, d, a), last_column(k[42], c, d, a, b),
      last_column(k[43], d, a, b, c)
  end

  local function twice(a, b, c, d)
    local function up(word, next_word) return bor(lshift(word, 1), rshift(next_word, 31)) end
    local low = lshift(d, 1)
    if band(a, 0x80000000) ~= 0 then low = bxor(low, 0x87) end
    return up(a, b), up(b, c), up(c, d), low
  end

  local function padded(text) return text .. "\128" .. ("\0"):rep(15 - #text) end

  local function cmac(k, text)
    local s1, s2, s3, s4 = twice(encrypt(k, 0, 0, 0, 0))
    local full = #text > 0 and math.floor((#text - 1) / 16) or 0
    local last = text:sub(16 * full + 1)
    if #last < 16 then
      last = padded(last)
      s1, s2, s3, s4 = twice(s1, s2, s3, s4)
    end
    local a, b, c, d = 0, 0, 0, 0
    for i = 0, full - 1 do
      local at = 16 * i + 1
      a, b, c, d = encrypt(k, bxor(a, word_at(text, at)), bxor(b, word_at(text, at + 4)),
        bxor(c, word_at(text, at + 8)), bxor(d, word_at(text, at + 12)))
    end
    return encrypt(k, bxor(a, word_at(last, 1), s1), bxor(b, word_at(last, 5), s2), bxor(c, word_at(last, 9), s3),
      bxor(d, word_at(last, 13), s4))
  end

  local function with_xor(block, a, b, c, d)
    return text_of(bxor(word_at(block, 1), a), bxor(word_at(block, 5), b), bxor(word_at(block, 9), c),
      bxor(word_at(block, 13), d))
  end

  --- A key of 32 bytes: half of it authenticates, half of it encrypts.
  function aes.key(text) return { mac = expand(text:sub(1, 16)), ctr = expand(text:sub(17, 32)) } end

  --- What the encrypted text would be, with the vector of 16 bytes in front of it. `proves` says whether it is that.
  function aes.decrypt(key, vector, text)
    local a, b = word_at(vector, 1), word_at(vector, 5)
    local c, d = band(word_at(vector, 9), 0x7fffffff), band(word_at(vector, 13), 0x7fffffff)
    local out = {}
    for at = 1, #text, 16 do
      local block = text:sub(at, at + 15)
      out[#out + 1] = with_xor(block .. ("\0"):rep(16 - #block), encrypt(key.ctr, a, b, c, d)):sub(1, #block)
      d = u32of(d + 1)
    end
    return table.concat(out)
  end

  --- Whether the vector belongs to the plain text and these components of associated data.
  function aes.proves(key, vector, plain, components)
    local a, b, c, d = cmac(key.mac, ("\0"):rep(16))
    for _, component in ipairs(components) do
      local e, g, h, i = cmac(key.mac, component)
      a, b, c, d = twice(a, b, c, d)
      a, b, c, d = bxor(a, e), bxor(b, g), bxor(c, h), bxor(d, i)
    end
    local last
    if #plain >= 16 then
      last = plain:sub(1, #plain - 16) .. with_xor(plain:sub(-16), a, b, c, d)
    else
      last = with_xor(padded(plain), twice(a, b, c, d))
    end
    return text_of(cmac(key.mac, last)) == vector
  end
end

local keys = {}

-- ---- What the capture has shown so far: which id is at which address, to open what is sealed -----------------

local RECEIVERS_MOST = 16
local AT_ADDRESS_MOST = 65536
local known

local function forget()
  known = { at = {}, count = 0, ids = {}, next = 1, receiver = {} }
end
forget()

local function note_id(address, id)
  if known.at[address] == id then return end
  if known.at[address] == nil then
    if known.count >= AT_ADDRESS_MOST then return end
    known.count = known.count + 1
  end
  known.at[address] = id
  for _, other in ipairs(known.ids) do if other == id then return end end
  known.ids[known.next] = id
  known.next = known.next % RECEIVERS_MOST + 1
end

local function id_text(id)
  return string.char(rshift(id, 24), band(rshift(id, 16), 0xff), band(rshift(id, 8), 0xff), band(id, 0xff))
end

-- ---- Reading -------------------------------------------------------------------------------------------------------

-- A reader goes over the bytes of `text` from `at` on, counted from 0, up to `stop`. `tvb` has the same bytes. Where
-- they end in the middle of a field, the frame is refused for `reason`.
local Reader = {}
Reader.__index = Reader

local function refuse(reason, text, at, length)
  error({ reason = reason, text = text, at = at, length = length }, 0)
end

local function reader_of(tvb, text, at, stop, reason)
  return setmetatable({ tvb = tvb, text = text, at = at, stop = stop, reason = reason }, Reader)
end

function Reader:skip(length)
  local start = self.at
  if length > self.stop - start then refuse(self.reason, "ends in the middle of a field", start) end
  self.at = start + length
  return start
end

function Reader:u8() return self.text:byte(self:skip(1) + 1) end

function Reader:u16()
  local a, b = self.text:byte(self:skip(2) + 1, self.at)
  return a * 256 + b
end

function Reader:u32()
  local a, b, c, d = self.text:byte(self:skip(4) + 1, self.at)
  return a * 0x1000000 + b * 0x10000 + c * 256 + d
end

function Reader:varint()
  local start, value, factor = self.at, 0, 1
  for i = 1, 5 do
    local byte = self:u8()
    value = value + (byte % 128) * factor
    factor = factor * 128
    if byte < 128 then
      if (byte == 0 and i > 1) or value >= TWO_32 then break end
      return value
    end
  end
  refuse(self.reason, "varint is not in its shortest form, or above 32 bits", start, self.at - start)
end

function Reader:wide_varint()
  local start, value, factor = self.at, 0, 1
  for i = 1, 7 do
    local byte = self:u8()
    value = value + (byte % 128) * factor
    factor = factor * 128
    if byte < 128 then
      if byte == 0 and i > 1 then break end
      return value
    end
  end
  refuse(self.reason, "wide varint is not in its shortest form, or above 49 bits", start, self.at - start)
end

function Reader:more() return self.at < self.stop end

--- A tree for what begins here. Its end is set later.
function Reader:begin(tree, text)
  if self.at >= self.stop then refuse(self.reason, "ends where more should follow", self.at) end
  return tree:add(chisme, self.tvb(self.at, 1), text)
end

--- The bytes from `start` to where the reader is.
function Reader:since(start) return self.tvb(start, self.at - start) end

--- Adds a field whose value was just read from `start` on.
function Reader:add(tree, field, start, value) return tree:add(field, self:since(start), value) end

--- Reads by a method and adds.
function Reader:field(tree, field, method)
  local start = self.at
  local value = self[method](self)
  tree:add(field, self:since(start), value)
  return value
end

-- ---- CBOR in core deterministic encoding (section 4.7), as text of its diagnostic notation --------------------------

local CBOR_DEPTH_MOST = 4
local INTEGER_MOST = 9007199254740991

local function is_utf8(text)
  local at, length = 1, #text
  while at <= length do
    local first = text:byte(at)
    if first < 0x80 then
      at = at + 1
    else
      local more = (first >= 0xc2 and first <= 0xdf and 1) or (first >= 0xe0 and first <= 0xef and 2)
        or (first >= 0xf0 and first <= 0xf4 and 3)
      if not more or at + more > length then return false end
      local second = text:byte(at + 1)
      local low = (first == 0xe0 and 0xa0) or (first == 0xf0 and 0x90) or 0x80
      local high = (first == 0xed and 0x9f) or (first == 0xf4 and 0x8f) or 0xbf
      if second < low or second > high then return false end
      for i = 2, more do
        local byte = text:byte(at + i)
        if byte < 0x80 or byte > 0xbf then return false end
      end
      at = at + more + 1
    end
  end
  return true
end

local function hex_of(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function quoted(text)
  return '"' .. text:gsub('[%c\\"\127]', function(c)
    if c == '"' or c == "\\" then return "\\" .. c end
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

--- The value of a float of 2, 4 or 8 bytes, and whether it is in its only form.
local function float_of(text)
  local width = #text
  local exponent_bits = (width == 2 and 5) or (width == 4 and 8) or 11
  local fraction_bits = width * 8 - 1 - exponent_bits
  -- The bytes in two words, so that all arithmetic is exact.
  local high = 0
  for i = 1, math.min(width, 4) do high = high * 256 + text:byte(i) end
  local low = 0
  for i = 5, width do low = low * 256 + text:byte(i) end
  local head_bits = math.min(width, 4) * 8
  local head_fraction_bits = head_bits - 1 - exponent_bits
  local sign = high >= 2 ^ (head_bits - 1) and -1 or 1
  local biased = math.floor(high / 2 ^ head_fraction_bits) % 2 ^ exponent_bits
  local fraction = high % 2 ^ head_fraction_bits
  if width == 8 then fraction = fraction * TWO_32 + low end
  local bias = 2 ^ (exponent_bits - 1) - 1
  if biased == 2 ^ exponent_bits - 1 then
    if fraction == 0 then return sign / 0, width == 2 end
    return 0 / 0, width == 2 and high == 0x7e00
  end
  if biased == 0 then
    local value = sign * fraction * 2 ^ (1 - bias - fraction_bits)
    return value, fraction > 0 or (width == 2 and high == 0x8000)
  end
  local exponent = biased - bias
  local value = sign * (1 + fraction / 2 ^ fraction_bits) * 2 ^ exponent
  -- Binary digits of the fraction up to its last 1.
  local digits, rest = fraction == 0 and 0 or fraction_bits, fraction
  while rest > 0 and rest % 2 == 0 do rest, digits = rest / 2, digits - 1 end
  if exponent >= 0 and exponent <= 52 and digits <= exponent then return value, false end
  local function fits(least, most, bits_of_fraction)
    return exponent <= most and digits <= bits_of_fraction and exponent - digits >= least - bits_of_fraction
  end
  local is_shortest = width == 2 or (not fits(-14, 15, 10) and (width == 4 or not fits(-126, 127, 23)))
  return value, is_shortest
end

local function number_text(value)
  if value ~= value then return "NaN" end
  if value == 1 / 0 then return "Infinity" end
  if value == -1 / 0 then return "-Infinity" end
  if value == 0 and 1 / value < 0 then return "-0.0" end
  -- The fewest digits that give the same number.
  for digits = 1, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then return text end
  end
  return ("%.17g"):format(value)
end

local cbor_item

local function cbor_entries(text, at, stop, depth, count, is_map)
  local parts, before = {}, nil
  for i = 1, count do
    if is_map then
      if at >= stop or rshift(text:byte(at + 1), 5) ~= 3 then return nil end
      local next_at, key = cbor_item(text, at, stop, depth)
      if not next_at then return nil end
      local bytes = text:sub(at + 1, next_at)
      if bytes:sub(2) == "__proto__" or (before and bytes <= before) then return nil end
      before = bytes
      local value
      at, value = cbor_item(text, next_at, stop, depth)
      if not at then return nil end
      parts[i] = key .. ": " .. value
    else
      local value
      at, value = cbor_item(text, at, stop, depth)
      if not at then return nil end
      parts[i] = value
    end
  end
  return at, table.concat(parts, ", ")
end

--- The end of the item at `at` and its text, or nil if a node would refuse it or it passes `stop`.
function cbor_item(text, at, stop, depth)
  if at >= stop then return nil end
  local head = text:byte(at + 1)
  local major, low5 = rshift(head, 5), head % 32
  local width = (low5 < 24 and 0) or (low5 <= 27 and 2 ^ (low5 - 24)) or nil
  if major == 7 then
    local simple = { [20] = "false", [21] = "true", [22] = "null", [23] = "undefined" }
    if simple[low5] then return at + 1, simple[low5] end
    if low5 < 25 or low5 > 27 or at + 1 + width > stop then return nil end
    local value, is_shortest = float_of(text:sub(at + 2, at + 1 + width))
    if not is_shortest then return nil end
    return at + 1 + width, number_text(value)
  end
  if not width or at + 1 + width > stop then return nil end
  local argument = width == 0 and low5 or 0
  for i = 1, width do argument = argument * 256 + text:byte(at + 1 + i) end
  local least = { [1] = 24, [2] = 0x100, [4] = 0x10000, [8] = TWO_32 }
  if width > 0 and (argument < least[width] or argument > INTEGER_MOST) then return nil end
  local next_at = at + 1 + width
  if major == 0 then return next_at, ("%.0f"):format(argument) end
  if major == 1 then
    if argument >= INTEGER_MOST then return nil end
    return next_at, ("%.0f"):format(-1 - argument)
  end
  if argument > stop - next_at then return nil end
  if major == 2 then return next_at + argument, "h'" .. hex_of(text:sub(next_at + 1, next_at + argument)) .. "'" end
  if major == 3 then
    local content = text:sub(next_at + 1, next_at + argument)
    if not is_utf8(content) then return nil end
    return next_at + argument, quoted(content)
  end
  if depth >= CBOR_DEPTH_MOST or major == 6 then return nil end
  local end_at, inner = cbor_entries(text, next_at, stop, depth + 1, argument, major == 5)
  if not end_at then return nil end
  return end_at, major == 5 and "{" .. inner .. "}" or "[" .. inner .. "]"
end

-- ---- Helpers of sections -------------------------------------------------------------------------------------------

--- Section 3.2: Bob Jenkins' six-step hash.
local function order_key(id)
  local function low(n) return u32of(n) end
  local key = low(id + 0x7ed55d16 + lshift(id, 12))
  key = bxor(key, 0xc761c23c, rshift(key, 19))
  key = low(key + 0x165667b1 + lshift(key, 5))
  key = low(bxor(low(key + 0xd3a2646c), lshift(key, 9)))
  key = low(key + 0xfd7046c5 + lshift(key, 3))
  return low(bxor(key, 0xb55a4f09, rshift(key, 16)))
end

local function nstime(ms)
  return NSTime.new(math.floor(ms / 1000), (ms % 1000) * 1000000)
end

local function ipv4_text(number)
  return ("%d.%d.%d.%d"):format(rshift(number, 24), band(rshift(number, 16), 0xff), band(rshift(number, 8), 0xff),
    band(number, 0xff))
end

local function is_host(address) return address ~= 0 and address ~= 0xffffffff end

local function counted(number, one, many) return number .. " " .. (number == 1 and one or many or one .. "s") end

--- Notes that a section has another form than the protocol says, where a node only ignores it.
local function ignore(tree, text) tree:add_proto_expert_info(ignored, text) end

local function is_name(text, most)
  if #text > most or not is_utf8(text) or text:find("[\0-\31\127]") then return false end
  return not text:find("\194[\128-\159]")
end

-- Section 4.6: the label's text and where the value begins.
local function label_of(bytes)
  if #bytes < 2 then return nil, 0 end
  local head, second = bytes:byte(1, 2)
  local from, length
  if head == 0x78 and second >= 24 and second <= 41 then
    from, length = 2, second
  elseif head > 0x60 and head < 0x78 then
    from, length = 1, head - 0x60
  end
  if not from or from + length >= #bytes then return nil, 0 end
  return bytes:sub(from + 1, from + length), from + length, from
end

local function add_shared(tree, reader, start, length)
  local bytes = reader.text:sub(start + 1, start + length)
  local label, value_at, label_from = label_of(bytes)
  local name
  if label then
    local sign = label:find("\31", 1, true)
    name = sign and label:sub(1, sign - 1) or label
    local version = sign and label:sub(sign + 1)
    if not is_name(name, 24) or (version and (version == "" or not is_name(version, 16))) then
      refuse("value", "the label is no name and version", start, value_at)
    end
    if name ~= "" then tree:add(f.row_name, reader.tvb(start + label_from, #name), name) end
    if version then tree:add(f.row_version, reader.tvb(start + label_from + sign, #version), version) end
  end
  local end_at, text = cbor_item(bytes, value_at, #bytes, 0)
  if end_at ~= #bytes then
    refuse("value", "not one item of deterministic CBOR", start + value_at, length - value_at)
  end
  if label and text == "undefined" then text = nil end
  if text then tree:add(f.row_value, reader.tvb(start + value_at, length - value_at), text) end
  return name ~= "" and name or nil, text
end

-- ---- Sections. Each gets the reader of its content, its tree and the frame's state. ---------------------------------

local sections = {}
local SECTION_HEAD_BYTES = 2

local function ids_section(field, what)
  return function(reader, tree, frame)
    local count = 0
    while reader:more() do
      reader:field(tree, field, "u32")
      count = count + 1
    end
    frame:say(what .. " " .. count)
    return counted(count, "id")
  end
end
sections[WANT] = ids_section(f.want_id, "wants")
sections[PING_REQ] = ids_section(f.ping_req_id, "ping-req")
sections[INDIRECT_ACK] = ids_section(f.indirect_ack_id, "indirect-ack")

--- The address and port of a row; nil where a check stands for them and for the revision: before the base.
local function read_address(reader, tree, form, base)
  local at = reader.at
  local address, port, port_at
  if form == 1 and not base.port then
    reader:field(tree, f.row_check, "u8")
    return nil
  elseif form == 1 then
    local host = reader:u8()
    address, port, port_at = base.network + host, base.port, at
  else
    address, port_at, port = reader:u32(), reader.at, reader:u16()
  end
  tree:add(f.row_address, reader.tvb(at, form == 1 and 1 or 4), Address.ip(ipv4_text(address)))
  tree:add(f.row_port, reader:since(port_at), port)
  if form == 2 and not base.port then base.network, base.port = address - address % 256, port end
  return address, port
end

--- What the row of the sender leaves out, as the head of the frame has it: filters on rows find it here, too.
local function add_own(tree, octet, frame)
  tree:add(f.row_id, octet, frame.id):set_generated()
  tree:add(f.row_revision, octet, frame.revision):set_generated()
  tree:add(f.row_heartbeat, octet, frame.heartbeat):set_generated()
end

local function read_row(reader, tree, frame, base)
  local start = reader.at
  local row_tree = reader:begin(tree, "Row")
  local head = reader:u8()
  local octet = reader:since(start)
  local state, form = head % 8, band(rshift(head, 3), 3)
  row_tree:add(f.row_state, octet)
  row_tree:add(f.row_form, octet)
  local has_value, has_feed, lacks_value = band(head, 0x20) ~= 0, band(head, 0x40) ~= 0, head >= 0x80
  local id, revision, heartbeat = frame.id, frame.revision, frame.heartbeat
  local is_again, address, port = base.had_own, nil, nil
  if form == 0 then
    base.had_own = true
    add_own(row_tree, octet, frame)
  else
    id = reader:field(row_tree, f.row_id, "u32")
    address, port = read_address(reader, row_tree, form, base)
    if form == 3 then row_tree:add(f.row_foreign, octet, true) end
    revision = address and reader:field(row_tree, f.row_revision, "varint")
    heartbeat = reader:field(row_tree, f.row_heartbeat, "varint")
  end
  local is_asleep = state == 6 and form ~= 3
  local back = is_asleep and reader:field(row_tree, f.row_back, "varint") or 0
  local sequence = has_feed and reader:field(row_tree, f.row_feed_sequence, "varint") or 0
  if sequence > 0 then
    reader:field(row_tree, f.row_feed_generation, "varint")
    reader:field(row_tree, f.row_feed_tip, "u16")
  end
  local length = has_value and reader:varint() or 0
  local value_at = reader:skip(length)
  if lacks_value then row_tree:add(f.row_lacks_value, octet, true) end
  local size = reader.at - start
  row_tree:set_len(size)
  local function bad(text) refuse("row", text, start, size) end
  if form == 0 and is_again then bad("the sender's own row for the second time") end
  if address and (not is_host(address) or port == 0) then bad("no address of a host") end
  if not is_asleep and state > 5 then bad("no such state") end
  if back > 1728000 then bad("asleep for more than 20 days") end
  if sequence == 0xffffffff then bad("no such sequence number") end
  if lacks_value and (has_value or id == frame.id) then bad("a node holds its own value, and no row says both") end
  if has_value and (length == 0 or length > 255) then bad("a value of " .. length .. " bytes") end
  local name, value
  if has_value then name, value = add_shared(row_tree, reader, value_at, length) end
  if address and form ~= 3 then note_id(ipv4_text(address) .. ":" .. port, id) end
  row_tree:set_text(("Row of %08x%s: %s%s, %shb %d%s"):format(id, name and " " .. quoted(name) or "", STATES[state],
    is_asleep and " for " .. back .. " s" or "", revision and "rev " .. revision .. " " or "", heartbeat,
    value and ", " .. value or ""))
end

sections[ROWS] = function(reader, tree, frame)
  local base, count = {}, 0
  while reader:more() do
    read_row(reader, tree, frame, base)
    count = count + 1
  end
  frame:say(counted(count, "row"))
  return counted(count, "row")
end

sections[DIGEST] = function(reader, tree, frame)
  local start = reader.at
  local from = reader:field(tree, f.digest_from, "u32")
  local to = reader:field(tree, f.digest_to, "u32")
  if frame.digest_to and from <= frame.digest_to then refuse("section", "DIGESTs do not ascend", start, 8) end
  frame.digest_to = to
  if from > to then refuse("section", "the first order key is above the last", start, 8) end
  local last, count = -1, 0
  while reader:more() do
    local at = reader.at
    local entry = reader:begin(tree, "Entry")
    local id = reader:field(entry, f.digest_id, "u32")
    local state_at = reader.at
    local state = reader:u8()
    entry:add(f.digest_state, reader:since(state_at))
    local revision = reader:field(entry, f.digest_revision, "varint")
    local heartbeat = reader:field(entry, f.digest_heartbeat, "varint")
    if state >= 0x80 then reader:field(entry, f.digest_feed, "u8") end
    state = state % 128
    entry:set_len(reader.at - at)
    local key = order_key(id)
    if key <= last or key < from or key > to then
      refuse("section", "order keys do not ascend within the range", at, reader.at - at)
    end
    if state > 5 then refuse("section", "no such state", state_at, 1) end
    entry:set_text(("Entry of %08x: %s, rev %d hb %d"):format(id, STATES[state], revision, heartbeat))
    last, count = key, count + 1
  end
  frame:say("digest of " .. count)
  return counted(count, "entry", "entries")
end

local function read_log(reader, tree)
  local at = reader.at
  local log = reader:u8()
  tree:add(f.log, reader:since(at))
  tree:add(f.with_feeds, reader:since(at))
  return log % 128, at
end

sections[RANGE_FINGERPRINTS] = function(reader, tree, frame)
  local log, at = read_log(reader, tree)
  if log < 1 or log > 9 then refuse("section", "no such number of ranges", at, 1) end
  local left = reader.stop - reader.at
  if left ~= 2 ^ log then refuse("section", left .. " fingerprints for " .. 2 ^ log .. " ranges", at, 1) end
  tree:add(f.fingerprints, reader.tvb(reader.at, left))
  reader:skip(left)
  frame:say(counted(left, "range"))
  return counted(left, "range")
end

sections[ROW_FINGERPRINTS] = function(reader, tree, frame)
  local log, log_at = read_log(reader, tree)
  if log > 9 then refuse("section", "no such number of ranges", log_at, 1) end
  local last, rows = -1, 0
  while reader:more() do
    local at = reader.at
    local range_tree = reader:begin(tree, "Range")
    local range = reader:field(range_tree, f.range, "varint")
    local count = reader:field(range_tree, f.range_count, "varint")
    reader:field(range_tree, f.roster, "u8")
    local prints_at = reader:skip(count)
    if count > 0 then range_tree:add(f.fingerprints, reader:since(prints_at)) end
    range_tree:set_len(reader.at - at)
    if range <= last or range >= 2 ^ log then
      refuse("section", "ranges do not ascend below their number", at, reader.at - at)
    end
    range_tree:set_text(("Range %d: %s"):format(range, counted(count, "row")))
    last, rows = range, rows + count
  end
  frame:say(counted(rows, "fingerprint"))
  return counted(rows, "row")
end

-- ---- Events (section 10.3) -----------------------------------------------------------------------------------------

-- Section 10.7: no stamp is of 2200 or later.
local STAMP_MS_END = 7258118400000

local function read_stamp(reader, tree, field)
  local at = reader.at
  local ms = reader:u16() * TWO_32 + reader:u32()
  reader:u16()
  tree:add(field, reader:since(at), nstime(ms))
  return ms < STAMP_MS_END
end

local function text_field(reader, tree, field, length)
  local at = reader:skip(length)
  local text = reader.text:sub(at + 1, at + length)
  local is_good = is_utf8(text)
  if length > 0 then tree:add(field, reader:since(at), is_good and text or hex_of(text)) end
  return text, is_good
end

-- A delta (section 10.3) gives at most so many bytes of body: 142 in canonical form, less head and stamp.
local DELTA_BODY_MAX = 142 - 9

--- The head of an event, and what its body is made of. It leaves the reader behind the names.
local function read_names(reader, event, head)
  local form, topic_length = rshift(head, 6), head % 32
  local names = { form = form, topic_length = topic_length, is_origin = true, key = "", key_length = 0, good_key = true }
  names.is_copy = topic_length == 0 and reader:more() and reader.text:byte(reader.at + 1) == 0x0c
  if names.is_copy then
    reader:skip(1)
    reader:field(event, f.event_origin, "u32")
    names.is_origin = read_stamp(reader, event, f.event_origin_time)
    names.topic_length = reader:u8()
  end
  names.topic, names.good_topic = text_field(reader, event, f.event_topic, names.topic_length)
  if form ~= 0 then
    names.key_length = reader:u8()
    names.key, names.good_key = text_field(reader, event, f.event_key, names.key_length)
  end
  names.ttl = form == 3 and reader:field(event, f.event_ttl, "varint") or nil
  names.is_end = names.ttl == 0
  if names.is_end and not names.is_copy then names.is_origin = read_stamp(reader, event, f.event_ended) end
  names.has_payload = form ~= 2 and not names.is_end
  return names
end

--- In place of a tree, where nothing is shown.
local no_tree = { add = function() end }

--- The run of digits at `at`, at most 9.
local function digits_at(text, at, stop) return text:sub(at + 1, math.min(at + 9, stop)):match("^%d*") end

--- The end of an item of CBOR without the elements of an array or a map.
local function flat_end(text, at, stop)
  local head = text:byte(at + 1)
  local low = head % 32
  local bytes = low < 24 and 0 or 2 ^ (low - 24)
  local major = rshift(head, 5)
  if (major ~= 2 and major ~= 3) or at + 1 + bytes > stop then return at + 1 + bytes, at + 1 + bytes end
  local length = low
  if bytes > 0 then
    length = 0
    for i = 2, bytes + 1 do length = length * 256 + text:byte(at + i) end
  end
  return at + 1 + bytes + length, at + 1 + bytes
end

local function is_number(head) return head < 0x40 or head >= 0xe0 end

--- The body of the event that a delta gives. The reader is behind what differs then.
local function read_delta(reader, reference, has_patch)
  local text = reader.text
  local out = { text:sub(reference.body_at + 1, reference.payload_at) }
  local patch = has_patch and reference.payload_at + reader:varint() or math.huge
  local patch_end = has_patch and patch + reader:varint() or patch
  local patched = not has_patch
  local function next_bytes(length)
    local at = reader:skip(length)
    return text:sub(at + 1, at + length)
  end
  local function part(from, stop)
    local parts = {}
    while from < stop do
      local run = digits_at(text, from, stop)
      if run == "" then
        parts[#parts + 1] = text:sub(from + 1, from + 1)
        from = from + 1
      else
        local number = ("%.0f"):format(reader:varint())
        local least = run:sub(1, 1) == "0" and #run or 1
        parts[#parts + 1] = ("0"):rep(least - #number) .. number
        from = from + #run
      end
    end
    return table.concat(parts)
  end
  local at = reference.payload_at
  while at < reference.stop do
    local item_end, after_head = flat_end(text, at, reference.stop)
    local head = text:byte(at + 1)
    if is_number(head) then
      local start = reader.at
      if not reader:more() or not is_number(text:byte(start + 1)) then refuse("event", "no number in a delta", start) end
      reader:skip(flat_end(text, start, reader.stop) - start)
      out[#out + 1] = text:sub(start + 1, reader.at)
    elseif rshift(head, 5) == 3 then
      local content
      if patch >= after_head and patch_end <= item_end then
        patched = true
        content = part(after_head, patch) .. next_bytes(reader:varint()) .. part(patch_end, item_end)
      else
        content = part(after_head, item_end)
      end
      local head_bytes = after_head - at
      if head_bytes > 2 or #content > 255 or (#content > 23) ~= (head_bytes > 1) then
        refuse("event", "a text of a delta with a head of another length", reader.at, 0)
      end
      out[#out + 1] = head_bytes == 1 and string.char(0x60 + #content) or "x" .. string.char(#content)
      out[#out + 1] = content
    else
      out[#out + 1] = text:sub(at + 1, after_head) .. next_bytes(item_end - after_head)
    end
    at = item_end
  end
  if not patched then refuse("event", "a patch beside the texts of a delta", reader.at - 1, 1) end
  return table.concat(out)
end

--- The event in full at `at`, as the reference of a delta that starts at `stop`.
local function reference_at(reader, at, stop)
  local other = reader_of(reader.tvb, reader.text, at, stop, "event")
  local head = other:u8()
  other:wide_varint()
  if band(head, 0x20) ~= 0 then other:varint() end
  local reference = { head = band(head, 0xdf), body_at = other.at }
  local names = read_names(other, no_tree, head)
  reference.payload_at, reference.stop = other.at, other.at
  if names.has_payload then
    reference.stop = cbor_item(other.text, other.at, other.stop, 0)
    if not reference.stop then refuse("event", "a delta without a sound reference", at, 1) end
  end
  return reference
end

--- Reads a delta behind its head. Returns the head of the event, and a reader over its body.
local function delta_event(reader, event, batch, flags, start)
  if band(flags, 0x10) ~= 0 then batch.reference = start - reader:varint() end
  if not batch.reference or batch.reference < batch.stamp.first_at or batch.reference >= start then
    refuse("event", "a delta without a reference in its section", start, reader.at - start)
  end
  local reference = reference_at(reader, batch.reference, start)
  local body = read_delta(reader, reference, band(flags, 0x08) ~= 0)
  if #body > DELTA_BODY_MAX then refuse("event", "a delta of a long event", start, reader.at - start) end
  event:add(f.event_delta, reader.tvb(start, reader.at - start), reader.tvb(batch.reference, 1):offset())
  local bytes = ByteArray.new(body, true)
  return reference.head, reader_of(bytes:tvb("Event of a delta"), body, 0, #body, "event")
end

--- Moves the stamp by what follows. Returns whether it rises.
local function read_step(reader, batch, has_step, has_counter, usual)
  local stamp, at = batch.stamp, reader.at
  local difference = batch.step
  if has_step then
    local step = reader:wide_varint()
    difference = step % 2 == 0 and step / 2 or -(step + 1) / 2
  elseif not difference or difference < 0 then
    refuse("event", "no step before this one", at, 1)
  end
  local ms = stamp.ms + difference
  local expected = difference == 0 and stamp.counter + 1 or usual
  local counter = expected
  if has_counter then
    counter = reader:varint()
    if counter == expected then refuse("event", "a counter that need not be there", at, reader.at - at) end
  end
  local rises = batch.is_first or ms > stamp.ms or (ms == stamp.ms and counter > stamp.counter)
  batch.is_first, batch.step = false, difference
  stamp.ms, stamp.counter = ms, counter
  return rises
end

local function read_event(reader, tree, batch)
  local start = reader.at
  local event = reader:begin(tree, "Event")
  local before = batch.sequence
  if batch.is_chunk then batch.sequence = before + reader:varint() else batch.sequence = before + 1 end
  event:add(f.event_sequence, reader.tvb(start, math.max(1, reader.at - start)), u32of(batch.sequence))
  local stamp = batch.stamp
  local delta_at = reader.at
  local flags = 0
  if stamp.first_at then flags = reader:u8() else stamp.first_at = delta_at end
  if flags ~= 0 and (flags < 0x80 or flags % 8 ~= 0) then refuse("event", "no head of a delta", delta_at, 1) end
  local head, body, rises = nil, reader, nil
  local stamp_at = reader.at
  if flags == 0 then
    head = reader:u8()
    stamp_at = reader.at
    rises = read_step(reader, batch, true, band(head, 0x20) ~= 0, 0)
  else
    rises = read_step(reader, batch, band(flags, 0x40) ~= 0, band(flags, 0x20) ~= 0, stamp.counter)
  end
  local is_stamp = stamp.ms >= 0 and stamp.ms < STAMP_MS_END and stamp.counter <= 0xffff
  if is_stamp then
    event:add(f.event_time, reader:since(stamp_at), nstime(stamp.ms))
    event:add(f.event_counter, reader:since(stamp_at), stamp.counter)
  end
  if flags ~= 0 then head, body = delta_event(reader, event, batch, flags, delta_at) end
  local names = read_names(body, event, head)
  local value, value_at, is_bad_value
  if names.has_payload then
    value_at = body.at
    local end_at, text = cbor_item(body.text, value_at, body.stop, 0)
    is_bad_value = end_at == nil
    if end_at then
      value = text
      body.at = end_at
      event:add(f.event_value, body:since(value_at), text)
    else
      body.at = body.stop
    end
  end
  local size = reader.at - start
  event:set_len(size)
  local form = names.form
  local kind = (names.is_copy and "copy, " or "") .. (names.is_end and "end" or FORMS[form])
  event:add(f.event_kind, reader.tvb(start, size), kind)
  local function bad(text) refuse("event", text, start, size) end
  if flags ~= 0 and body.at ~= body.stop then bad("a delta that gives more than an event") end
  if batch.is_chunk and (batch.sequence <= before or batch.sequence > batch.base) then
    bad("sequence numbers do not rise up to the base")
  end
  if not rises then bad("stamps do not rise") end
  if not is_stamp or not names.is_origin then bad("a stamp of 2200 or later, or none") end
  if names.topic_length > 31 or names.key_length > 31 then bad("a topic or key of more than 31 bytes") end
  if names.topic_length == 0 and (names.is_copy or form == 0 or names.is_end or names.key_length > 0) then
    bad("no topic")
  end
  if not names.good_topic or not names.good_key then bad("a topic or key that is not UTF-8") end
  if is_bad_value then refuse("value", "not one item of deterministic CBOR", start, size) end
  event:set_text(("Event %.0f: %s %s%s%s"):format(batch.sequence, kind, quoted(names.topic),
    form ~= 0 and " " .. quoted(names.key) or "", value and " = " .. value or ""))
end

local function read_batch(reader, tree, frame, stamp, is_chunk)
  local start = reader.at
  local batch_tree = reader:begin(tree, is_chunk and "Chunk" or "Batch")
  local head = reader:u8()
  local last = 0
  if is_chunk then
    local last_at = reader.at
    last = reader:u8()
    batch_tree:add(f.chunk_last, reader:since(last_at), last == 1)
  end
  local author = frame.id
  if head >= 0x80 then
    batch_tree:add(f.batch_author, reader.tvb(start, 1), author)
  else
    author = reader:field(batch_tree, f.batch_author, "u32")
  end
  local generation, generation_at = band(rshift(head, 4), 7), reader.at
  local is_shortest = true
  if generation == 7 then
    generation = reader:field(batch_tree, f.batch_generation, "varint")
    is_shortest = generation >= 7
  else
    batch_tree:add(f.batch_generation, reader.tvb(start, 1), generation)
  end
  local first = reader:field(batch_tree, is_chunk and f.chunk_after or f.batch_first, "varint")
  local count = head % 16 + (is_chunk and 0 or 1)
  local batch = { is_chunk = is_chunk, sequence = is_chunk and first or first - 1, stamp = stamp, is_first = true }
  local has_tip, last_removal = false, 0
  if is_chunk then
    batch.base = reader:field(batch_tree, f.chunk_base, "varint")
    last_removal = reader:field(batch_tree, f.chunk_last_removal, "varint")
    if last == 1 then
      local tip_at = reader:skip(8)
      batch_tree:add(f.chunk_tip, reader:since(tip_at))
      has_tip = reader.text:sub(tip_at + 1, tip_at + 8) ~= ("\0"):rep(8)
    end
  end
  local function bad(text) refuse("event", text, start, reader.at - start) end
  if last > 1 then bad("neither the last chunk nor another") end
  if not is_shortest then bad("a generation that fits into the head") end
  if is_chunk then
    if batch.base == 0 or batch.base > 0xfffffffe then bad("no such base") end
    if first > batch.base or last_removal > batch.base then bad("beyond its base") end
    if last == 1 and not has_tip then bad("a last chunk without a tip") end
    if last == 0 and count == 0 then bad("a chunk without content") end
  elseif first == 0 or first - 1 + count > 0xfffffffe then
    bad("no such sequence number")
  end
  for _ = 1, count do read_event(reader, batch_tree, batch) end
  reader:field(batch_tree, f.batch_check, "u32")
  batch_tree:set_len(reader.at - start)
  batch_tree:set_text(("%s of %08x, generation %d: %s"):format(is_chunk and "Chunk" or "Batch", author, generation,
    counted(count, "event")))
  return count, first
end

local function batches(word, is_chunk)
  return function(reader, tree, frame)
    reader.reason = "event"
    local stamp, events = { ms = 0, counter = 0 }, 0
    while reader:more() do events = events + read_batch(reader, tree, frame, stamp, is_chunk) end
    frame:say(word .. counted(events, "event"))
    return counted(events, "event")
  end
end
sections[SNAPSHOT] = batches("snapshot of ", true)
sections[EVENTS] = batches("", false)

sections[HISTORY] = function(reader, tree, frame)
  reader.reason = "event"
  local stamp, events = { ms = 0, counter = 0 }, 0
  while reader:more() do
    local tip_at = reader:skip(8)
    tree:add(f.history_tip, reader:since(tip_at))
    local has_tip = reader.text:sub(tip_at + 1, tip_at + 8) ~= ("\0"):rep(8)
    local count, first = read_batch(reader, tree, frame, stamp, false)
    if has_tip ~= (first > 1) then refuse("event", "only the tip before the first event is zeros", tip_at, 8) end
    events = events + count
  end
  frame:say("history of " .. counted(events, "event"))
  return counted(events, "event")
end

sections[FEEDS_HASH] = function(reader, tree)
  local at = reader.at
  if reader.stop - at ~= 4 then refuse("section", "FEEDS-HASH has 4 bytes", at, reader.stop - at) end
  reader:field(tree, f.feeds_hash, "u32")
end

sections[GAP] = function(reader, tree, frame)
  local start, count = reader.at, 0
  while reader:more() and count <= 4 do
    local at = reader.at
    local entry = reader:begin(tree, "Gap")
    local author = reader:field(entry, f.gap_author, "u32")
    reader:field(entry, f.gap_generation, "varint")
    local floor = reader:field(entry, f.gap_floor, "varint")
    local tip = reader:field(entry, f.gap_tip, "u16")
    entry:set_len(reader.at - at)
    if tip == 0 or floor < 2 or floor > 0xfffffffe then
      refuse("section", "no such floor or tip", at, reader.at - at)
    end
    entry:set_text(("Gap of %08x: before event %d"):format(author, floor))
    count = count + 1
  end
  if count == 0 or count > 4 then refuse("section", "GAP has 1 to 4 entries", start, reader.stop - start) end
  frame:say(counted(count, "gap"))
  return counted(count, "entry", "entries")
end

-- ---- The other sections --------------------------------------------------------------------------------------------

sections[LIMITS] = function(reader, tree, frame)
  local start = reader.at
  if (frame.kind == ACK or frame.kind == DIFF) and not reader:more() then
    frame:say("same limits")
    return "those of the answered frame"
  end
  local value_bytes = reader:field(tree, f.value_bytes, "varint")
  local event_bytes = reader:field(tree, f.event_bytes, "varint")
  local capacity = reader:field(tree, f.capacity, "varint")
  local hash = frame.network and reader:field(tree, f.network_hash, "u32")
  local is_event_good = event_bytes == 0 or (event_bytes >= 32 and event_bytes <= 2047)
  if reader:more() or value_bytes > 255 or not is_event_good or capacity < 2 or capacity > 65535 then
    refuse("section", "a limit is out of its range, or LIMITS is too long", start, reader.stop - start)
  end
  if hash and hash % 256 ~= frame.network then
    refuse("network", "the octet in the head is not that of the hash", reader.at - 4, 4)
  end
  frame:say("limits")
end

local function add_ids(reader, tree)
  while reader:more() do reader:field(tree, f.message_relay, "u32") end
end

-- What a kind's payload says. It is the ends' matter: nothing here refuses the frame.
local function add_payload(kind, reader, tree)
  if kind == 1 then
    reader:field(tree, f.message_receipt, "u8")
  elseif kind == 5 then
    add_ids(reader, tree)
  elseif kind == 6 then
    reader:skip(1)
    add_ids(reader, tree)
  else
    local at, value_at = reader.at, reader.at
    if kind ~= 4 then
      local end_at, topic = cbor_item(reader.text, at, reader.stop, 0)
      if not end_at or rshift(reader.text:byte(at + 1), 5) ~= 3 then refuse("section", "no topic", at) end
      tree:add(f.message_topic, reader.tvb(at, end_at - at), topic:sub(2, -2))
      value_at = end_at
    end
    local end_at, text = cbor_item(reader.text, value_at, reader.stop, 0)
    if end_at ~= reader.stop then refuse("section", "no value", value_at) end
    tree:add(f.message_value, reader.tvb(value_at, end_at - value_at), text)
  end
end

--- Section 11.5: opens the payload between the ends.
local function open_payload(kind, reader, components)
  local at = reader.at
  if reader.stop - at < 16 then return nil end
  local vector = reader.text:sub(at + 1, at + 16)
  local cipher = reader.text:sub(at + 17, reader.stop)
  for _, key in ipairs(keys) do
    local plain = aes.decrypt(key, vector, cipher)
    if aes.proves(key, vector, plain, components) then return plain end
  end
  return nil
end

sections[MESSAGE] = function(reader, tree, frame)
  local start = reader.at
  local size = reader.stop - start
  local function bad(text) refuse("section", text, start, size) end
  if frame.kind == ACK or frame.kind == DIFF then bad("an answer has no MESSAGE") end
  if size < 17 then bad("shorter than the head of a message") end
  reader:skip(1)
  tree:add(f.message_repeat, reader:since(start))
  tree:add(f.message_hops, reader:since(start))
  local left_at = reader.at
  local left = reader:u8() * 65536 + reader:u16()
  reader:add(tree, f.message_left, left_at, left)
  local kind = reader:field(tree, f.message_kind, "u8")
  local ends_at = reader.at
  local to = reader:field(tree, f.message_to, "u32")
  local from = reader:field(tree, f.message_from, "u32")
  local number = reader:field(tree, f.message_number, "u32")
  if left == 0 then bad("its life is over") end
  if kind > 6 then bad("no such kind") end
  if kind == 4 then
    if size < 21 then bad("a REPLY without the number of its query") end
    reader:field(tree, f.message_query, "u32")
  end
  local payload_at = reader.at
  if reader:more() then tree:add(f.message_payload, reader.tvb(payload_at, reader.stop - payload_at)) end
  local content = reader_of(reader.tvb, reader.text, payload_at, reader.stop, "section")
  local is_readable = true
  if frame.is_sealed and kind ~= 5 and kind ~= 6 then
    local components = { string.char(kind) .. reader.text:sub(ends_at + 1, payload_at) }
    if kind ~= 2 and kind ~= 3 then components[2] = id_text(to) end
    local plain = open_payload(kind, content, components)
    if plain and #plain > 0 then
      content = reader_of(ByteArray.new(plain, true):tvb("Opened payload"), plain, 0, #plain, "section")
    end
    is_readable = plain ~= nil and #plain > 0
    if not plain then tree:add(f.message_sealed, reader.tvb(start, size), "not with these keys") end
  end
  -- A payload that no application would take is dropped by its receiver, not by the nodes on its way.
  if is_readable then
    local is_good, problem = pcall(add_payload, kind, content, tree)
    if not is_good and type(problem) ~= "table" then error(problem, 0) end
    if not is_good then ignore(tree, "the payload is not what its kind says") end
  end
  reader.at = reader.stop
  frame:say(("%s %d %08x → %s"):format(KINDS[kind], number, from, to == 0 and "all" or ("%08x"):format(to)))
  return KINDS[kind]
end

sections[HOP] = function(reader, tree, frame)
  local start = reader.at
  local size = reader.stop - start
  if frame.kind ~= ACK and frame.kind ~= DIFF then refuse("section", "only an answer has a HOP", start, size) end
  if size == 1 then
    local count = reader:field(tree, f.hop_count, "u8")
    frame:say(counted(count, "message waits", "messages wait"))
    return
  end
  if size ~= 3 then refuse("section", "HOP has 1 or 3 bytes", start, size) end
  local what = reader:field(tree, f.hop_what, "u8")
  if what > 4 then refuse("section", "HOP says what there is not", start, 1) end
  reader:field(tree, f.hop_check, "u16")
  frame:say("hop " .. WHATS[what])
  return WHATS[what]
end

sections[LINK_REPORT] = function(reader, tree, frame)
  if reader.stop - reader.at ~= 4 or frame.kind ~= SYN then return ignore(tree, "LINK-REPORT has 4 bytes, in a SYN") end
  reader:field(tree, f.link_sent, "u16")
  reader:field(tree, f.link_received, "u16")
  frame:say("link report")
end

local TIME_FIRST_MS, TIME_END_MS = 1577836800000, 7258118400000

sections[TIME] = function(reader, tree, frame)
  if frame.kind == SYN then
    if reader:more() then return ignore(tree, "a request for the time has no content") end
    tree:add(f.time_request, reader.tvb(reader.at - SECTION_HEAD_BYTES, SECTION_HEAD_BYTES), true)
    frame:say("time?")
    return "request"
  end
  local start = reader.at
  if frame.kind == LEAVE or not reader:more() then return ignore(tree, "no answer") end
  local ms = reader:u16() * TWO_32 + reader:u32()
  tree:add(f.time_unix, reader:since(start), nstime(ms))
  reader:field(tree, f.time_source, "u32")
  local hops = reader:field(tree, f.time_hops, "u8")
  local most = reader:field(tree, f.time_error, "varint")
  reader:field(tree, f.time_age, "varint")
  if reader:more() or ms < TIME_FIRST_MS or ms >= TIME_END_MS or hops > 30 or most > 3600000 then
    return ignore(tree, "a time out of its range, or TIME is too long")
  end
  frame:say("time")
  return "answer"
end

sections[WINDOW] = function(reader, tree, frame)
  if reader.stop - reader.at ~= 1 or frame.kind ~= DIFF then return ignore(tree, "WINDOW has one byte, in a DIFF") end
  frame:say("window " .. reader:field(tree, f.window, "u8"))
end

sections[SKETCH] = function(reader, tree, frame)
  if reader.stop - reader.at ~= 25 then return ignore(tree, "SKETCH has 25 bytes") end
  reader:u8()
  local at = reader.at
  reader:skip(24)
  tree:add(f.sketch, reader:since(at))
  frame:say("sketch")
end

-- ---- The frame -----------------------------------------------------------------------------------------------------

local Frame = {}
Frame.__index = Frame

--- Adds to what the column Info says of the frame.
function Frame:say(text) self.words[#self.words + 1] = text end

-- Which flags go with which type; 0x18, SEALED and NETWORK, go with all.
local FLAGS_OF = { [SYN] = 0xb8, [ACK] = 0xf8, [DIFF] = 0x58, [LEAVE] = 0x18 }

--- Reads the head into `frame`. Adds to `tree` where there is one.
local function read_head(reader, tree, frame)
  local first = reader:u8()
  if first ~= 0xc1 then
    if rshift(first, 4) == 0xc then refuse("version", "version " .. first % 16, 0, 1) end
    refuse("magic", "no chisme frame", 0, 1)
  end
  local second = reader:u8()
  local octet = reader.tvb(1, 1)
  local kind = second % 8
  frame.kind = kind > LEAVE and kind - LEAVE or kind
  frame.flags = second - kind
  tree:add(f.version, reader.tvb(0, 1))
  tree:add(f.type, octet)
  tree:add(f.flag_network, octet)
  tree:add(f.flag_sealed, octet)
  tree:add(frame.kind == ACK and f.flag_in_sync or f.flag_broadcast, octet)
  tree:add(f.flag_more, octet)
  tree:add(frame.kind == SYN and f.flag_unaddressed or f.flag_challenge, octet)
  if kind == 0 then refuse("type", "type 0", 1, 1) end
  if band(frame.flags, bits.bnot(FLAGS_OF[frame.kind])) ~= 0 then
    refuse("type", "flags that do not go with the type", 1, 1)
  end
  frame.is_sealed = band(second, 0x10) ~= 0
  frame.is_in_sync = frame.kind == ACK and band(second, 0x20) ~= 0
  frame.is_unaddressed = frame.kind == SYN and second >= 0x80
  if frame.is_unaddressed and not frame.is_sealed then refuse("type", "UNADDRESSED without SEALED", 1, 1) end
  if band(second, 0x08) ~= 0 then frame.network = reader:field(tree, f.network, "u8") end
  frame.id = reader:field(tree, f.id, "u32")
  frame.revision = reader:field(tree, f.revision, "varint")
  frame.counter = reader:field(tree, f.counter, "varint")
end

--- The shortest body: a heartbeat and a table hash, or a heartbeat and the counter of the SYN.
local function least_body(frame) return frame.is_in_sync and 2 or 7 end

local function read_section(reader, tree, frame)
  local start = reader.at
  local head = reader:u16()
  local tag, length = rshift(head, 11), head % 0x800
  local content_at = reader:skip(length)
  local section = tree:add(f.section, reader:since(start), tag)
  section:add(f.section_length, reader.tvb(start, SECTION_HEAD_BYTES))
  local name = SECTIONS[tag] or "unknown section " .. tag
  section:set_text(name)
  if tag < frame.last_tag or (tag == frame.last_tag and tag ~= DIGEST) then
    refuse("section", name .. " does not ascend", start, reader.at - start)
  end
  frame.last_tag = tag
  local content = reader_of(reader.tvb, reader.text, content_at, reader.at, "section")
  local note
  local read = sections[tag]
  if not read then
    if length > 0 then section:add(f.section_unknown, reader.tvb(content_at, length)) end
    frame:say(name)
  elseif tag > HOP then
    -- Behind HOP a node ignores what is malformed.
    local is_good, result = pcall(read, content, section, frame)
    if is_good then
      note = result
    elseif type(result) == "table" then
      ignore(section, result.text)
    else
      error(result, 0)
    end
  else
    note = read(content, section, frame)
  end
  section:set_text(note and name .. ": " .. note or name)
end

local function read_body(reader, tree, frame)
  frame.heartbeat = reader:field(tree, f.heartbeat, "varint")
  if not frame.is_in_sync then
    local hash_at = reader:skip(6)
    tree:add(f.table_hash, reader:since(hash_at))
  end
  if frame.kind == ACK or frame.kind == DIFF then
    frame.in_reply_to = reader:field(tree, f.in_reply_to, "varint")
  end
  while reader:more() do read_section(reader, tree, frame) end
end

--- Section 7. The body as a reader; nil if it can't be opened.
local function open(reader, tree, frame, pinfo)
  local at = reader.at
  local function say(text)
    frame:say("sealed")
    tree:add(f.sealed, reader.tvb(at, reader.stop - at), text)
  end
  if #keys == 0 then return say("needs a key: give it in the preferences of this protocol") end
  local head = reader.text:sub(1, at)
  local vector = reader.text:sub(at + 1, at + 16)
  local cipher = reader.text:sub(at + 17, reader.stop)
  local tried = {}
  local receivers = {}
  local function offer(id)
    if not id or tried[id] then return end
    tried[id] = true
    receivers[#receivers + 1] = id
  end
  offer(known.receiver[pinfo.number])
  offer(known.at[tostring(pinfo.dst) .. ":" .. pinfo.dst_port])
  for _, id in ipairs(known.ids) do offer(id) end
  for _, key in ipairs(keys) do
    local plain = aes.decrypt(key, vector, cipher)
    local receiver
    if frame.is_unaddressed then
      receiver = aes.proves(key, vector, plain, { head }) and 0
    else
      for _, id in ipairs(receivers) do
        if aes.proves(key, vector, plain, { head, id_text(id) }) then
          receiver = id
          break
        end
      end
    end
    if receiver then
      if not frame.is_unaddressed then
        known.receiver[pinfo.number] = receiver
        tree:add(f.receiver, reader.tvb(at, 16), receiver):set_generated()
      end
      tree:add(f.sealed, reader.tvb(at, reader.stop - at), "opened")
      return reader_of(ByteArray.new(plain, true):tvb("Opened body"), plain, 0, #plain, "length")
    end
  end
  return say("not with these keys, or for a node whose id the capture has not shown before")
end

local function read_frame(reader, tree, frame, pinfo)
  read_head(reader, tree, frame)
  if #reader.text > 1472 then refuse("length", "longer than 1,472 bytes", 0, #reader.text) end
  note_id(tostring(pinfo.src) .. ":" .. pinfo.src_port, frame.id)
  local body = reader
  if frame.is_sealed then
    local least = 16 + least_body(frame)
    if reader.stop - reader.at < least then refuse("length", "sealed and too short for a body", reader.at) end
    body = open(reader, tree, frame, pinfo)
  end
  if not body then return end
  frame.body = body
  read_body(body, tree, frame)
end

local function info_of(frame, drop)
  local words = {}
  if frame.counter then
    words[1] = ("%s %08x #%d%s rev %d%s"):format(SHORT_TYPES[frame.kind], frame.id, frame.counter,
      frame.in_reply_to and " → #" .. frame.in_reply_to or "", frame.revision,
      frame.heartbeat and " hb " .. frame.heartbeat or "")
    if frame.flags >= 0x80 then words[#words + 1] = frame.kind == SYN and "unaddressed" or "challenge" end
    if frame.is_in_sync then words[#words + 1] = "in sync" end
    if band(frame.flags, 0x40) ~= 0 then words[#words + 1] = "more" end
  end
  for _, word in ipairs(frame.words) do words[#words + 1] = word end
  if drop then words[#words + 1] = "[refused: " .. drop .. "]" end
  return table.concat(words, ", ")
end

local function dissect_frame(tvb, pinfo, root)
  pinfo.cols.protocol = "chisme"
  local text = tvb:raw(0, tvb:len())
  local tree = root:add(chisme, tvb())
  local frame = setmetatable({ words = {}, last_tag = 0 }, Frame)
  local reader = reader_of(tvb, text, 0, #text, "length")
  local is_good, problem = pcall(read_frame, reader, tree, frame, pinfo)
  local drop
  if not is_good then
    if type(problem) ~= "table" then error(problem, 0) end
    drop = problem.reason
    -- The place of the problem is in the opened body, if there is one.
    local at_tvb = (frame.body or reader).tvb
    local at = math.max(0, math.min(problem.at, at_tvb:len() - 1))
    local length = math.max(1, math.min(problem.length or 1, at_tvb:len() - at))
    local item = tree:add(f.drop, at_tvb(at, length), drop)
    item:set_generated()
    item:add_proto_expert_info(refused, drop .. ": " .. problem.text)
  end
  local info = info_of(frame, drop)
  pinfo.cols.info = info
  tree:append_text(", " .. info)
  return tvb:len()
end

-- ---- ESPGossip (section 8) ------------------------------------------------------------------------------------------

local json = Dissector.get("json")

local function is_json_gossip(text)
  local kind = text:sub(1, 1) == "{" and text:match('"type"%s*:%s*"(%u+)"')
  return (kind == "SYN" or kind == "ACK") and kind or nil
end

local function dissect_json(tvb, pinfo, root, text, kind)
  local tree = root:add(chisme, tvb(), "chisme gossip, ESPGossip datagram")
  if text:sub(2, 2) == " " then tree:add(f.json_mark, tvb(0, 2), true) end
  local _, rows = text:gsub('"heartbeat"', "")
  json:call(tvb, pinfo, root)
  pinfo.cols.protocol = "chisme"
  pinfo.cols.info = ("ESPGossip %s, %s"):format(kind, counted(rows, "row"))
  return tvb:len()
end

-- ---- Registration --------------------------------------------------------------------------------------------------

--- All datagrams of the port.
function chisme.dissector(tvb, pinfo, root)
  if tvb:len() == 0 then return 0 end
  local text = tvb:raw(0, tvb:len())
  local kind = is_json_gossip(text)
  if kind then return dissect_json(tvb, pinfo, root, text, kind) end
  return dissect_frame(tvb, pinfo, root)
end

--- A tree that takes fields and forgets them.
local no_tree = setmetatable({}, { __index = function() return function() end end })

--- Datagrams of other ports: those with a good head and room for a body.
local function heuristic(tvb, pinfo, root)
  local length = tvb:len()
  if length == 0 then return false end
  local first = tvb(0, 1):uint()
  if first == 0x7b then
    local text = tvb:raw(0, length)
    local kind = is_json_gossip(text)
    if not kind then return false end
    dissect_json(tvb, pinfo, root, text, kind)
    return true
  end
  if first ~= 0xc1 or length > 1472 then return false end
  local reader = reader_of(tvb, tvb:raw(0, length), 0, length, "length")
  local frame = {}
  local is_head = pcall(read_head, reader, no_tree, frame)
  if not is_head or reader.stop - reader.at < least_body(frame) then return false end
  dissect_frame(tvb, pinfo, root)
  return true
end
chisme:register_heuristic("udp", heuristic)

local ports = DissectorTable.get("udp.port")
local added_port

local function apply_preferences()
  if added_port then ports:remove(added_port, chisme) end
  added_port = chisme.prefs.port
  if added_port > 0 then ports:add(added_port, chisme) else added_port = nil end
  keys = {}
  for digits in chisme.prefs.keys:gmatch("[^%s,]+") do
    if #digits == 64 and not digits:find("%X") then
      local text = digits:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
      keys[#keys + 1] = aes.key(text)
    end
  end
end

function chisme.prefs_changed() apply_preferences() end
function chisme.init()
  apply_preferences()
  forget()
end
apply_preferences()
