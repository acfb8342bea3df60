"""Turns the body of a PUT into what is stored: defaults, serialised twins, node version (contract 5.1 to 5.4)."""

import json
from collections.abc import Mapping
from typing import Any

from fusebit_platform import semver
from fusebit_platform.errors import BadRequest
from fusebit_platform.services import cron, settings_text

Specification = dict[str, Any]

NODE_VERSIONS = ["14.18.3", "16.14.0", "18.20.8", "20.19.5", "22.20.0", "24.19.0"]
DEFAULT_NODE = "14.18.3"
COMPUTE_DEFAULTS = {"memorySize": 128, "timeout": 30, "staticIp": False}
COMPUTE_NAMES = {"memory_size": "memorySize"}
LEGACY_TEXTS = {
    "compute": "computeSettings",
    "configuration": "applicationSettings",
    "schedule": "cronSettings",
}
# A new value of one of these is a new version of the function; of the others it is not (contract 5.4).
VERSIONED = (
    "nodejs",
    "node",
    "ranges",
    "compute",
    "configuration",
    "schedule",
    "computeSerialized",
    "configurationSerialized",
    "scheduleSerialized",
)
COMPARED = (*VERSIONED, "security", "routes", "fusebitEditor", "metadata")


def build(body: Mapping[str, Any], previous: Specification | None) -> Specification:
    """Return the whole specification for a body whose shape was checked; `previous` lends its serialised texts."""
    nodejs = _nodejs(body)
    package = _package(nodejs["files"].get("package.json"))
    metadata, legacy = _without_legacy(body.get("metadata") or {})
    specification: Specification = {"nodejs": nodejs}
    for name in LEGACY_TEXTS:
        values = _structured(body, name, legacy)
        text = body.get(f"{name}Serialized", legacy.get(name))
        before = (previous or {}).get(f"{name}Serialized", "")
        specification[name], specification[f"{name}Serialized"] = settings_text.reconcile(values, text, before)
    _complete_compute(specification)
    _check_schedule(specification["schedule"])
    return specification | {
        "metadata": metadata,
        "security": {"authentication": "none", **(body.get("security") or {})},
        "routes": body.get("routes") or [],
        "fusebitEditor": body.get("fusebitEditor") or {},
        "node": _node_version(package),
        "ranges": _ranges(package),
    }


def is_same(one: Specification, other: Specification, names: tuple[str, ...] = COMPARED) -> bool:
    """Tell whether nothing differs but the order of keys."""
    return all(_plain(one.get(name)) == _plain(other.get(name)) for name in names)


def _plain(value: Any) -> Any:
    return json.dumps(value, sort_keys=True)


def _nodejs(body: Mapping[str, Any]) -> dict[str, Any]:
    nodejs = body.get("nodejs")
    if nodejs is None:
        raise BadRequest("The `nodejs` body parameter is missing.")
    if "files" not in nodejs:
        raise BadRequest("The `nodejs.files` body parameter is missing.")
    encoded = nodejs.get("encodedFiles")
    return {"files": nodejs["files"]} | ({"encodedFiles": encoded} if encoded is not None else {})


def _package(package: Any) -> dict[str, Any]:
    if isinstance(package, str):
        try:
            package = json.loads(package)
        except (ValueError, RecursionError):
            package = False
    if package is not None and not isinstance(package, dict):
        raise BadRequest("The package.json file cannot be parsed as a JSON object.")
    return package or {}


def _without_legacy(metadata: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return metadata without the old serialised settings, and those settings."""
    fusebit = metadata.get("fusebit")
    if not isinstance(fusebit, dict):
        return metadata, {}
    legacy = {name: fusebit[old] for name, old in LEGACY_TEXTS.items() if isinstance(fusebit.get(old), str)}
    kept = {key: value for key, value in fusebit.items() if key not in LEGACY_TEXTS.values()}
    rest = {key: value for key, value in metadata.items() if key != "fusebit"}
    return (rest | {"fusebit": kept} if kept else rest), legacy


def _structured(body: Mapping[str, Any], name: str, legacy: Mapping[str, str]) -> dict[str, Any] | None:
    if name in body:
        values: dict[str, Any] = body[name]
        return values
    if name == "compute" and "lambda" in body and "compute" not in legacy:
        return {COMPUTE_NAMES.get(key, key): value for key, value in body["lambda"].items()}
    return None


def _complete_compute(specification: Specification) -> None:
    given = {key: _compute_value(key, value) for key, value in specification["compute"].items()}
    complete = {**given, **{key: value for key, value in COMPUTE_DEFAULTS.items() if key not in given}}
    specification["compute"] = complete
    specification["computeSerialized"] = settings_text.write(complete, specification["computeSerialized"])


def _compute_value(key: str, value: Any) -> Any:
    """Return a compute value that came as text as number or truth value."""
    if not isinstance(value, str):
        return value
    if key in {"staticIp", "persistLogs"}:
        return value == "true"
    if key in {"memorySize", "timeout"}:
        try:
            return int(float(value[:20]))
        except (ValueError, OverflowError):
            raise BadRequest(f'compute.{key}: "{key}" must be a number') from None
    raise BadRequest(f'compute.{key}: "{key}" is not allowed')


def _check_schedule(schedule: Mapping[str, Any]) -> None:
    for key in schedule:
        if key not in {"cron", "timezone"}:
            raise BadRequest(f"Unexpected CRON setting '{key}'. Only 'cron' and 'timezone' are allowed")
    if "timezone" in schedule and "cron" not in schedule:
        raise BadRequest("The 'timezone' parameter can only be specified if the 'cron' parameter is also specified")
    if "cron" in schedule:
        try:
            cron.parse(schedule["cron"])
        except cron.CronError:
            raise BadRequest(
                "The value of 'cron' parameter must be a valid CRON expression. Check https://crontab.guru/ for "
                "reference"
            ) from None
    if "timezone" in schedule and not cron.is_time_zone(schedule["timezone"]):
        raise BadRequest(
            "The value of 'timezone' parameter must be a valid timezone identifier. Check "
            "https://en.wikipedia.org/wiki/List_of_tz_database_time_zones for reference"
        )


def _node_version(package: Mapping[str, Any]) -> str:
    engines = package.get("engines")
    wanted = engines.get("node") if isinstance(engines, dict) else None
    if wanted is None:
        return DEFAULT_NODE
    known = [version for version in map(semver.parse, NODE_VERSIONS) if version]
    found = semver.max_satisfying(known, wanted) if isinstance(wanted, str) else None
    if found is None:
        supported = f"{', '.join(NODE_VERSIONS[:-1])} and {NODE_VERSIONS[-1]}"
        raise BadRequest(
            f'Unable to find Node.js runtime version matching the "{settings_text.string(wanted)}" requirement. '
            f"Supported versions are: {supported}."
        )
    return ".".join(map(str, found))


def _ranges(package: Mapping[str, Any]) -> dict[str, str]:
    """Return the declared dependencies."""
    declared = package.get("dependencies") or {}
    if not isinstance(declared, dict) or not all(isinstance(wanted, str) for wanted in declared.values()):
        raise BadRequest("The dependencies of package.json must be an object of version ranges.")
    return dict(declared)
