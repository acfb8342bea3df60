-- Spread requests over many boundaries: the arguments are a path with NUMBER in it, and how many there are.
local paths = {}
local at = 0
init = function(arguments)
  for number = 1, tonumber(arguments[2]) do paths[number] = (arguments[1]:gsub("NUMBER", number)) end
end
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
