"""The real recipe with layers switched off, to show that they are what stops an attack."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fusebit_platform.runtime.limits import MIB, Limits
from fusebit_platform.runtime.recipe import Recipe
from fusebit_platform.runtime.sandbox import Plan

# What switches off one layer: fields of the recipe, of the plan, of the limits, or an argument of Node.js.
PLANS: dict[str, dict[str, Any]] = {
    "own user": {"host_id": None},
    "sized /tmp": {"tmp_bytes": 2048 * MIB, "tmp_files": 100_000},
}
LIMITS: dict[str, dict[str, Any]] = {
    "memory": {"writable_bytes": 0, "heap_mb": 4096},
    "descriptors": {"open_files": 4096},
    "threads": {"threads": 0},
    "file size": {"file_bytes": 1024 * MIB},
}
ARGUMENTS = {"no addons": "--no-addons", "heap": "--max-old-space-size="}
RECIPES = {"namespaces": "namespaces", "landlock": "landlock", "filter": "seccomp"}


@dataclass(frozen=True, kw_only=True)
class Weakened(Recipe):
    """The recipe of this machine, without some of its layers."""

    off: frozenset[str] = frozenset()

    @classmethod
    def without(cls, recipe: Recipe, off: frozenset[str]) -> "Weakened":
        fields = {field: False for layer, field in RECIPES.items() if layer in off}
        known = {name: getattr(recipe, name) for name in Recipe.__dataclass_fields__}
        return cls(**{**known, "permissions": False, **fields}, off=off)

    def prepare(self, directory: Path, host_id: int | None) -> None:
        super().prepare(directory, None if "own user" in self.off else host_id)

    def plan(self, directory: Path, limits: Limits, host_id: int | None) -> Plan:
        plan = super().plan(directory, limits, host_id)
        if "memory" in self.off:
            plan = replace(plan, argv=tuple(word for word in plan.argv if not word.startswith(ARGUMENTS["heap"])))
        for layer in self.off:
            plan = replace(plan, **PLANS.get(layer, {}))
            plan = replace(plan, limits=replace(plan.limits, **LIMITS.get(layer, {})))
        if "no addons" in self.off:
            plan = replace(plan, argv=tuple(word for word in plan.argv if word != ARGUMENTS["no addons"]))
        return plan
