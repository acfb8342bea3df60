"""The shape of a function specification (contract 5.1)."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fusebit_platform import encodings
from fusebit_platform.runtime.builds import MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES
from fusebit_platform.validation import (
    AccountId,
    Boolean,
    BoundaryId,
    FunctionId,
    Object,
    Shape,
    SubscriptionId,
    Text,
    at_least,
    whole,
    wrong,
    wrong_at,
)

WORD = re.compile(r"\w", re.ASCII)
ENTRY = "index.js"


def _files(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong("must be an object")
    if ENTRY not in value:
        raise wrong_at(ENTRY, "is required")
    if not isinstance(value[ENTRY], str):
        raise wrong_at(ENTRY, "must be a string")
    if not value[ENTRY]:
        raise wrong_at(ENTRY, "is not allowed to be empty")
    for name, content in value.items():
        if not isinstance(content, str | dict):
            raise wrong_at(name, "must be a string")
    _check_names(value)
    return value


def _encoding(value: str) -> str:
    if value.lower() not in encodings.ENCODINGS:
        raise wrong(f"must be one of [{', '.join(sorted(encodings.ENCODINGS))}]")
    return value


def _named(value: dict[str, Any]) -> dict[str, Any]:
    _check_names(value)
    return value


def _check_names(names: Iterable[str]) -> None:
    """Refuse names that would leave the function's directory, or be file and directory at once."""
    known = set(names)
    for name in known:
        parts = name.split("/")
        large = len(parts) > MAX_DEPTH or len(name.encode()) > MAX_PATH_BYTES
        unclean = large or "\\" in name or not name.isprintable()
        if unclean or any(part in {"", ".", ".."} or len(part.encode()) > MAX_NAME_BYTES for part in parts):
            raise wrong_at(name, "is not a valid file name")
        if any("/".join(parts[:depth]) in known for depth in range(1, len(parts))):
            raise wrong_at(name, "is not a valid file name")


def _configuration(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise wrong("must be an object")
    for key, text in value.items():
        if not WORD.search(key):
            raise wrong_at(key, "is not allowed")
        if not isinstance(text, str):
            raise wrong_at(key, "must be a string")
    return value


def _unique_paths(routes: list["Route"]) -> list["Route"]:
    seen: set[str] = set()
    for position, route in enumerate(routes):
        if route.path in seen:
            raise wrong_at(position, f"position {position} contains a duplicate value")
        seen.add(route.path)
    return routes


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must be a string")
    return value


AnyText = Annotated[str, BeforeValidator(_string)]  # may be empty


class EncodedFile(Shape):
    """A file that is no text."""

    data: AnyText
    encoding: Annotated[str, AfterValidator(_encoding)]


class NodeFiles(Shape):
    """The files of a function."""

    files: Annotated[dict[str, Any], BeforeValidator(_files)] = {}
    encoded_files: Annotated[dict[str, EncodedFile], AfterValidator(_named)] = {}

    @model_validator(mode="after")
    def _all_can_lie_side_by_side(self) -> "NodeFiles":
        _check_names([*self.files, *self.encoded_files])
        return self


class Compute(Shape):
    """What a run may use: MB and seconds."""

    memory_size: Annotated[int, whole(64, 3008)] = 128
    timeout: Annotated[int, whole(1, 900)] = 30
    static_ip: Boolean = False
    persist_logs: Boolean = False


class OlderCompute(Shape):
    """The older name of compute."""

    size: Annotated[int, whole(64, 3008)] = Field(default=128, alias="memorySize")
    older_size: Annotated[int, whole(64, 3008)] = Field(default=128, alias="memory_size")
    timeout: Annotated[int, whole(1, 900)] = 30
    static_ip: Boolean = False
    persist_logs: Boolean = False


class Permission(Shape):
    """A required or granted permission; what is missing is found when it is rendered."""

    action: Text = ""
    resource: Text = ""


class FunctionPermissions(Shape):
    """What the function's own token may do."""

    allow: list[Permission] = []


class Security(Shape):
    """Who may call."""

    authentication: Literal["none", "optional", "required"] = "none"
    authorization: Annotated[list[Permission], at_least(1)] = []
    function_permissions: FunctionPermissions = FunctionPermissions()

    @model_validator(mode="after")
    def _authorization_needs_authentication(self) -> "Security":
        if "authorization" in self.model_fields_set and self.authentication == "none":
            raise wrong_at("authorization", "is not allowed")
        return self


class Task(Shape):
    """How many runs of a task may wait and run."""

    max_pending: Annotated[int, whole(0)] = 0
    max_running: Annotated[int, whole(0)] = 0


class Route(Shape):
    """Rules of its own for a part of the function's URL."""

    path: Text
    security: Security = Security()
    task: Task = Task()


class RunConfig(Shape):
    """A saved test request of the editor."""

    method: Text = ""
    url: Text = ""
    payload: Object = {}


class Editor(Shape):
    """What the editor keeps with a function."""

    run_config: list[RunConfig] = []


class FunctionBody(Shape):
    """The body of PUT."""

    account_id: AccountId = ""
    subscription_id: SubscriptionId = ""
    boundary_id: BoundaryId = ""
    id: FunctionId = ""
    location: Text = ""
    runtime: Object = {}
    environment: Literal["nodejs"] = "nodejs"
    provider: Literal["lambda"] = "lambda"
    nodejs: NodeFiles = NodeFiles()
    configuration: Annotated[dict[str, str], BeforeValidator(_configuration)] = {}
    compute: Compute = Compute()
    older_compute: OlderCompute = Field(default=OlderCompute(), alias="lambda")
    schedule: Object = {}
    configuration_serialized: AnyText = ""
    compute_serialized: AnyText = ""
    schedule_serialized: AnyText = ""
    metadata: Object = {}
    security: Security = Security()
    routes: Annotated[list[Route], AfterValidator(_unique_paths)] = []
    fusebit_editor: Editor = Editor()

    def cleaned(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Return the body as it was sent, in its order of keys, with texts turned into the numbers they mean."""
        body = dict(sent)
        if "compute" in body:
            body["compute"] = _in_order(body["compute"], self.compute)
        if "lambda" in body:
            body["lambda"] = _in_order(body["lambda"], self.older_compute)
        for position, route in enumerate(self.routes):
            if "task" in body["routes"][position]:
                task = _in_order(body["routes"][position]["task"], route.task)
                body["routes"] = [*body["routes"]]
                body["routes"][position] = {**body["routes"][position], "task": task}
        return body


def _in_order(sent: dict[str, Any], shape: Shape) -> dict[str, Any]:
    values = shape.model_dump(by_alias=True)
    return {key: values[key] for key in sent}
