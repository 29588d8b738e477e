-- SPDX-License-Identifier: MIT
-- Run the probes this machine can run; a line of tab-separated fields each.
-- The tool that reads them is scripts/bench. ONLY, names with commas between
-- them, may narrow them; those of one hart run where there is only one.
for _, p in ipairs(probe.list()) do
  local wanted = not ONLY
    or ("," .. ONLY .. ","):find("," .. p.name .. ",", 1, true)
  if wanted and (hart.count() > 1) == (p.harts > 1) then
    for _, f in ipairs(probe.run(p.name)) do
      print("FACT", p.name, f.name, f.value, f.per, f.text)
    end
  end
end
