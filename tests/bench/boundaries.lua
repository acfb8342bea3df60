-- Spread requests over many boundaries.
local paths = {}
for number = 1, 20 do paths[number] = "/v1/run/sub-0123456789abcdef/b" .. number .. "/hello" end
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
