-- Spread requests over many boundaries: the arguments are a path with NUMBER in it, and how many there are.
-- The requests are written beforehand, so that the load costs what it costs for a single address.
local requests = {}
local at = 0
init = function(arguments)
  for number = 1, tonumber(arguments[2]) do
    requests[number] = wrk.format("GET", (arguments[1]:gsub("NUMBER", number)))
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
