"""The corpus: no attack gets out, each ends in time, and each gets out without the layers that stop it."""

import time
from typing import Any

import pytest

from tests.escape.conftest import IS_ROOT, LATE_S, Pools
from tests.escape.corpus import ATTACKS, EXEMPT, Attack

PROGRAM = """
const fs = require('fs'), os = require('os'), cp = require('child_process');
const raw = (kind, ...target) => new Promise((resolve, reject) => {
  const all = process.binding(kind + '_wrap'), name = kind === 'tcp' ? 'TCP' : 'Pipe';
  const request = new all[name + 'ConnectWrap'](), handle = new all[name](0);
  const end = (status) => (status ? reject(new Error(String(status))) : resolve(true));
  request.oncomplete = end;
  const status = handle.connect(request, ...target);
  if (status) end(status);
});
module.exports = async (ctx) => {
  const bait = ctx.bait;
  try { return { body: { escaped: Boolean(await (async () => { WORK })()) } }; }
  catch (error) { return { body: { escaped: false, said: String(error.code || error.message) } }; }
};
"""
HELLO = "module.exports = async (ctx) => ({ body: 'untouched' });"
NO_LIMIT_S = 30


def attempt(pools: Pools, attack: Attack, bait: dict[str, Any], off: frozenset[str]) -> tuple[bool, str]:
    """Return whether the attack got out, and what came of it."""
    settings = {"timeout_s": 8, **dict(attack.build)}
    if off:
        settings["timeout_s"] = NO_LIMIT_S
    functions = pools(off - {"time"})
    build = functions.build(PROGRAM.replace("WORK", attack.work), memory_mb=128, **settings)
    began = time.monotonic()
    answer = functions.call(build, bait=bait)
    assert time.monotonic() - began < settings["timeout_s"] + LATE_S
    functions.run(functions.pool.forget(build))
    return answer.status == 200 and b'"escaped":true' in answer.body, answer.body[:300].decode(errors="replace")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_does_not_get_out(pools: Pools, bait: dict[str, Any], attack: Attack) -> None:
    escaped, said = attempt(pools, attack, bait, frozenset())
    assert not escaped, said
    victim = pools(frozenset())
    assert victim.body(victim.build(HELLO, boundary="victim", function="victim")) == "untouched"


@pytest.mark.parametrize("attack", [one for one in ATTACKS if not one.exempt], ids=lambda attack: attack.name)
def test_the_attack_gets_out_without_the_layers_that_stop_it(
    pools: Pools, bait: dict[str, Any], attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusebit_platform.runtime.watch.DEMOTED_AFTER", NO_LIMIT_S)  # or a busy machine stops it
    escaped, said = attempt(pools, attack, bait, attack.off)
    assert escaped or (attack.root_only and not IS_ROOT), said


def test_every_case_is_shown_without_its_layers_or_says_why_not() -> None:
    assert all(attack.off or attack.exempt for attack in ATTACKS)
    assert all(EXEMPT.values())
