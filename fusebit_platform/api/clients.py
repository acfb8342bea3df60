"""Clients (contract 4.5)."""

from fusebit_platform.api.agents import Agent, Agents, ClientBody, ClientChange
from fusebit_platform.api.initialization import AgentInit


class Clients(Agents):
    """`A/client`"""

    kind = "client"
    actions = {"GET": "client:get", "POST": "client:add"}
    shapes = {"POST": ClientBody}


class Client(Agent):
    """`A/client/{clientId}`"""

    kind = "client"
    actions = {"GET": "client:get", "PATCH": "client:update", "DELETE": "client:delete"}
    shapes = {"PATCH": ClientChange}


class ClientInit(AgentInit):
    """`A/client/{clientId}/init`"""

    kind = "client"
    actions = {"POST": "client:init"}
