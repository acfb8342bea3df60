"""Users (contract 4.5)."""

from fusebit_platform.api.agents import Agent, Agents, UserBody, UserChange
from fusebit_platform.api.initialization import AgentInit


class Users(Agents):
    """`A/user`"""

    kind = "user"
    actions = {"GET": "user:get", "POST": "user:add"}
    shapes = {"POST": UserBody}


class User(Agent):
    """`A/user/{userId}`"""

    kind = "user"
    actions = {"GET": "user:get", "PATCH": "user:update", "DELETE": "user:delete"}
    shapes = {"PATCH": UserChange}


class UserInit(AgentInit):
    """`A/user/{userId}/init`"""

    kind = "user"
    actions = {"POST": "user:init"}
