-- SPDX-License-Identifier: MIT
-- Runs before the first script: from now on the machine says how a run ends in
-- a line that damage cannot turn into another, before it says QUARRY-EXIT.
-- The host (scripts/quarry/receipt.py) puts a random word in NONCE's place.
local nonce = "@NONCE@"
local format, print = string.format, print

local function crc(s)
  local c = 0xffffffff
  for i = 1, #s do
    c = c ~ s:byte(i)
    for _ = 1, 8 do c = c >> 1 ~ (c & 1) * 0xedb88320 end
  end
  return c ~ 0xffffffff
end

local function tell(body, times)
  local text = nonce .. " " .. body
  text = format("@%s %08x@", text, crc(text))
  for _ = 1, times do print(text) end
end

local off, reboot = sys.poweroff, sys.reboot

function sys.poweroff(code)
  local n = math.tointeger(code or 0)
  if n and n >= 0 and n <= 255 then tell("end " .. n, 3) end
  off(code)
end

function sys.reboot()
  tell("end 0", 3)
  reboot()
end
