-- SPDX-License-Identifier: MIT
-- Behind receipt.lua, in the same chunk: takes files over the console, runs
-- scripts. scripts/quarry/deliver.py is the other side and has the theory.
local crc_of_call, state, last = 0, "idle", nil
local pieces, length, batch, commands = {}, 0, {}, {}

-- More of the file, from byte `at` on. A repeated piece changes nothing.
function commands.data(at, text)
  if at == length then
    pieces[#pieces + 1] = text
    length = length + #text
  end
  return length
end

-- The file is complete. Asked again, it says again what came of it.
function commands.file(name, sum, is_script)
  local this = name .. " " .. sum
  if this == last then return "ok" end
  local text = table.concat(pieces)
  pieces, length = {}, 0
  if crc(text) ~= sum then return "damaged" end
  local done, message = fs.put(name, text)
  if not done then return "no " .. message end
  if is_script == 1 then batch[#batch + 1] = name end
  last = this
  return "ok"
end

local function with_traceback(message)
  if type(message) ~= "string" then
    message = tostring(message)
  end
  return debug.traceback(message, 2)
end

-- One script: its error message, or nil.
local function run_file(name)
  local run, message = load(fs.read(name), "@" .. name:match("[^/]*$"))
  if not run then return message end
  local done
  done, message = xpcall(run, with_traceback)
  if done then return nil end
  -- What lies below the script in the traceback is ours.
  return message:match("^(.*)\n\t%[C%]: in function 'xpcall'") or message
end

local call -- what the host calls; not there while scripts run

function commands.run()
  if state ~= "idle" then return state end
  state = "run"
  tell(crc_of_call .. " run", 3)
  Q = nil
  local last_words = "end 0"
  for _, name in ipairs(batch) do
    local message = run_file(name)
    if message then
      print(message)
      last_words = message:find("interrupted", 1, true)
        and "end 1 interrupted" or "end 1"
      break
    end
  end
  Q = call
  state = last_words
  tell(state, 3)
  return state
end

function commands.state()
  return state
end

function commands.off(code)
  off(code)
end

function call(sum, ...)
  local what = ...
  if crc(table.concat({ ... }, "\1")) ~= sum or not commands[what] then
    return tell("again", 1)
  end
  crc_of_call = sum
  tell(sum .. " " .. commands[what](select(2, ...)), 1)
end

con.term("dumb")
Q, QC, QP, QT = call, nil, nil, nil
