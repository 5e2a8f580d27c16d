"""Takes MicroPython's main loop apart: each opcode's code becomes a function of its own.

    module = Module.read(wasm)
    split_main_loop(module)

The loop that runs Python's bytecode is one function of 17 kB: a switch with an arm for each opcode. A browser starts it
as code made in a hurry and counts how many bytes of it were run, jumps back by their distance (V8's --wasm-tiering-budget); a
loop of that size is past the limit after some hundred opcodes, and its optimisation takes 60 ms and more of the other core,
just when the workspace is to answer. A small loop that calls one of many small functions is not past it when the values
are there; each of those that becomes hot is optimised in a millisecond.

From                                              to
    loop                                              loop
      prelude (locals to zero, where are we)            prelude
      block ... block                                   table[opcode](the locals that any arm reads)
        br_table by opcode                              -> which way out, the locals that are read there
      end  arm 0                                        the first way out is back to the loop's start, the others are
      ...                                               branches to where the arm would have gone
      end  arm n
    end

What an arm reads and what is read after it is found by liveness: from the end to the start, a local is live where a
later instruction may read it before it is written (Aho, Lam, Sethi, Ullman: Compilers, 9.2.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops import wasm
from ops.wasm import Body, FunctionType, Instruction, Module

# A switch with fewer arms is not the main loop.
_LEAST_ARMS = 64
_LOCALS = (wasm.LOCAL_GET, wasm.LOCAL_SET, wasm.LOCAL_TEE)
_WRITES = (wasm.LOCAL_SET, wasm.LOCAL_TEE)
_BRANCHES = (wasm.BR, wasm.BR_IF, wasm.BR_TABLE)
_ENDS = (wasm.BR, wasm.BR_TABLE, wasm.RETURN, wasm.UNREACHABLE)  # never go on to the next instruction
_Live = frozenset[int]


def split_main_loop(module: Module) -> None:
    """Do it, in place. Raises wasm.Malformed where the module has no such loop, or one of another shape."""
    place = max(range(len(module.bodies)), key=lambda each: _widest_switch(module.bodies[each].code)[1])
    body, kind = module.bodies[place], module.types[module.functions[place]]
    if {*body.locals, *kind.parameters} != {wasm.I32}:
        raise wasm.Malformed("the main loop has locals that are no integers of 32 bits")
    loop = _find_loop(body.code)
    split = _Split(loop, module.next_function())
    for number in range(len(loop.arms)):
        module.add_function(split.signature, split.arm(number))
    # What the switch sends straight out of the loop gets an arm that does nothing else.
    straight = {
        target: module.add_function(split.signature, split.straight_out(target))
        for target in sorted(set(loop.targets))
        if target >= len(loop.arms)
    }
    table = module.add_table([straight.get(target, split.first + target) for target in loop.targets])
    choice = len(kind.parameters) + len(body.locals)
    body.locals += [wasm.I32, wasm.I32]
    body.code = split.caller(module.type_index(split.signature), table, choice, choice + 1)


@dataclass(frozen=True)
class _Loop:
    """The loop in pieces, as the first lines of this module draw it.

    `targets` has the arm for each value of the switch, the last one for any other value; from len(arms) on they are ways
    out: len(arms) is the loop's start, the next one the label around the loop, and so on, as it is with an arm's branches.
    """

    before: list[Instruction]  # the loop's start included
    prelude: list[Instruction]
    choice: list[Instruction]  # leaves the switch's value on the stack
    targets: tuple[int, ...]
    arms: list[list[Instruction]]
    after: list[Instruction]  # from the loop's end
    live_at_arms: list[_Live]
    live_outside: list[_Live]  # at the loop's start, then where the labels around it lead, from the inmost


def _widest_switch(code: list[Instruction]) -> tuple[int, int]:
    """Give the place of the br_table with the most targets, and how many those are."""
    widths = ((place, len(each) - 1) for place, each in enumerate(code) if each[0] == wasm.BR_TABLE)
    return max(widths, key=lambda pair: pair[1], default=(0, 0))


def _find_loop(code: list[Instruction]) -> _Loop:
    switch, width = _widest_switch(code)
    inmost = next((place for place in range(switch, 0, -1) if code[place][0] == wasm.BLOCK), 0)
    outmost = inmost
    while code[outmost - 1][0] == wasm.BLOCK:
        outmost -= 1
    around = list(_openings_around(code, outmost))
    prelude = code[around[0] + 1 : outmost] if around else []
    if (
        width < _LEAST_ARMS
        or not around
        or code[around[0]][0] != wasm.LOOP
        or any(each[0] in (*wasm.OPENING, *_BRANCHES) for each in prelude)
        or code[switch + 1][0] != wasm.END
        or any(code[place][1] != wasm.NOTHING for place in (*range(outmost, inmost + 1), *around))
    ):
        raise wasm.Malformed("it has no loop around a switch with an arm for each opcode")
    live = _live_before(code)
    starts: list[int] = []
    end = switch + 1
    for _ in range(inmost - outmost + 1):
        starts.append(end + 1)
        end = _end_after(code, end + 1)
    ends = [start - 1 for start in starts[1:]] + [end]
    if code[end - 1][0] not in _ENDS:
        raise wasm.Malformed("the main loop's last arm leaves the loop without a branch")
    labels = [place + 1 if code[place][0] == wasm.LOOP else _end_after(code, place + 1) + 1 for place in around]
    return _Loop(
        before=code[: around[0] + 1],
        prelude=prelude,
        choice=code[inmost + 1 : switch],
        targets=code[switch][1:],
        arms=[code[start:stop] for start, stop in zip(starts, ends, strict=True)],
        after=code[end:],
        live_at_arms=[live[start] for start in starts],
        live_outside=[live[place] for place in labels],
    )


def _openings_around(code: list[Instruction], place: int) -> Iterator[int]:
    """Give the places of the blocks, loops and ifs that `place` lies in, from the inmost."""
    depth = 0
    for at in range(place - 1, -1, -1):
        if code[at][0] == wasm.END:
            depth += 1
        elif code[at][0] in wasm.OPENING:
            if depth == 0:
                yield at
            else:
                depth -= 1


def _end_after(code: list[Instruction], place: int) -> int:
    """Give the place of the end of what `place` lies in."""
    depth = 0
    while code[place][0] != wasm.END or depth:
        depth += (code[place][0] in wasm.OPENING) - (code[place][0] == wasm.END)
        place += 1
    return place


def _live_before(code: list[Instruction]) -> list[_Live]:
    """Give the locals that are live before each instruction of a function."""
    at_loops: dict[int, _Live] = {}  # loops' labels are behind: what is live there is known after one more pass
    while True:
        found = _live_pass(code, at_loops)
        now = {place: found[place] for place, each in enumerate(code) if each[0] == wasm.LOOP}
        if now == at_loops:
            return found
        at_loops = now


def _live_pass(code: list[Instruction], at_loops: dict[int, _Live]) -> list[_Live]:
    opened_at = {_end_after(code, place + 1): place for place, each in enumerate(code) if each[0] in wasm.OPENING}
    nothing: _Live = frozenset()
    found = [nothing] * len(code)
    live = nothing
    labels: list[_Live] = []  # what is live where a branch leads, the inmost label last
    behind: list[_Live] = []  # what is live after each of them
    otherwise: list[_Live] = []  # what is live at the start of an if's other branch
    for place in range(len(code) - 1, -1, -1):
        opcode, *numbers = code[place]
        if opcode == wasm.END:
            opening = opened_at.get(place)
            labels.append(
                at_loops.get(opening, nothing) if opening is not None and code[opening][0] == wasm.LOOP else live
            )
            behind.append(live)
            otherwise.append(live)
        elif opcode == wasm.ELSE:
            otherwise[-1], live = live, behind[-1]
        elif opcode in wasm.OPENING:
            if opcode == wasm.TRY:
                raise wasm.Malformed("the main loop catches exceptions by itself")
            if opcode == wasm.IF:
                live |= otherwise[-1]
            for stack in (labels, behind, otherwise):
                stack.pop()
        elif opcode in (wasm.RETURN, wasm.UNREACHABLE):
            live = nothing
        elif opcode in _BRANCHES:
            if opcode != wasm.BR_IF:
                live = nothing
            live = live.union(*(labels[-1 - number] for number in numbers))
        elif opcode in _WRITES:
            live -= {numbers[0]}
        elif opcode == wasm.LOCAL_GET:
            live |= {numbers[0]}
        found[place] = live
    return found


class _Split:
    """What the arms, as functions, and the loop that calls them agree on: what they take, what they give, the ways out.

    `first` is the number that the first arm's function will have.
    """

    def __init__(self, loop: _Loop, first: int) -> None:
        self.loop = loop
        self.first = first
        self.ways = [0]  # out of the arms, by how far out they lead; the first leads to the loop's start
        written = {each[1] for arm in loop.arms for each in arm if each[0] in _WRITES}
        # What an arm reads before it writes it; what it may have written and is read where it leads.
        self.taken = sorted(_all(loop.live_at_arms) - _zeros_of_one_arm(loop))
        self.given = sorted(written & _all(loop.live_outside))
        self.signature = FunctionType((wasm.I32,) * len(self.taken), (wasm.I32,) * (1 + len(self.given)))

    def arm(self, number: int) -> Body:
        """Give the function of an arm: its code in one block for each place it may go to, with what is to be done there."""
        arm = self.loop.arms[number]
        inner = len(self.loop.arms) - 1 - number  # of the labels around it, those of other arms
        goals: list[int] = []  # how far out of the arm, in the order of the blocks, the inmost first
        code: list[Instruction] = []
        depth = 0

        def led(label: int) -> int:
            if label < depth:
                return label
            if label - depth not in goals:
                goals.append(label - depth)
            return depth + goals.index(label - depth)

        for opcode, *numbers in arm:
            if opcode == wasm.RETURN:
                raise wasm.Malformed("an arm of the main loop ends the function by itself")
            depth += (opcode in wasm.OPENING) - (opcode == wasm.END)
            code.append((opcode, *(map(led, numbers) if opcode in _BRANCHES else numbers)))
        if not arm or arm[-1][0] not in _ENDS:
            code += self._go(number + 1)
        code = [*((wasm.BLOCK, wasm.NOTHING) for _ in goals), *code]
        for goal in goals:
            code += [(wasm.END,), *(self._go(number + 1 + goal) if goal < inner else self._leave(goal - inner))]
        return self._renamed(code)

    def straight_out(self, target: int) -> Body:
        """Give the function for a value of the switch that leads out of the loop, or to its start."""
        return self._renamed(self._leave(target - len(self.loop.arms)))

    def caller(self, signature: int, table: int, choice: int, way: int) -> list[Instruction]:
        """Give the code of the function that has the loop, with the call in it; `choice` and `way` are new locals."""
        loop = self.loop
        other = len(loop.targets) - 1
        dropped = {place for place in _zeros(loop) if loop.prelude[place + 1][1] not in self.taken}
        prelude = [each for place, each in enumerate(loop.prelude) if not {place, place - 1} & dropped]
        get_choice: Instruction = (wasm.LOCAL_GET, choice)
        return [
            *loop.before,
            *prelude,
            *loop.choice,
            (wasm.LOCAL_SET, choice),
            *((wasm.LOCAL_GET, each) for each in self.taken),
            # Any value beyond the table takes its last place.
            *(
                get_choice,
                (wasm.I32_CONST, other),
                get_choice,
                (wasm.I32_CONST, other),
                (wasm.I32_LT_U,),
                (wasm.SELECT,),
            ),
            (wasm.CALL_INDIRECT, signature, table),
            *((wasm.LOCAL_SET, each) for each in reversed(self.given)),
            *((wasm.LOCAL_TEE, way), (wasm.I32_EQZ,), (wasm.BR_IF, 0)),
            *(
                each
                for number, out in enumerate(self.ways[1:], 1)
                for each in ((wasm.LOCAL_GET, way), (wasm.I32_CONST, number), (wasm.I32_EQ,), (wasm.BR_IF, out))
            ),
            (wasm.UNREACHABLE,),
            *loop.after,
        ]

    def _go(self, arm: int) -> list[Instruction]:
        """Give the code that goes on in another arm."""
        return [*((wasm.LOCAL_GET, each) for each in self.taken), (wasm.CALL, self.first + arm), (wasm.RETURN,)]

    def _leave(self, out: int) -> list[Instruction]:
        """Give the code that tells the loop to go on where the label `out` leads."""
        if out >= len(self.loop.live_outside):
            raise wasm.Malformed("an arm of the main loop leaves the function by a branch")
        if out not in self.ways:
            self.ways.append(out)
        way = self.ways.index(out)
        return [(wasm.I32_CONST, way), *((wasm.LOCAL_GET, each) for each in self.given), (wasm.RETURN,)]

    def _renamed(self, code: list[Instruction]) -> Body:
        """Give a function's body: what is taken are its parameters, any other local is its own."""
        names = {each: number for number, each in enumerate(self.taken)}
        for each in code:
            if each[0] in _LOCALS:
                names.setdefault(each[1], len(names))
        code = [(each[0], names[each[1]]) if each[0] in _LOCALS else each for each in code]
        return Body([wasm.I32] * (len(names) - len(self.taken)), [*code, (wasm.END,)])


def _all(sets: list[_Live]) -> _Live:
    return frozenset().union(*sets)


def _zeros(loop: _Loop) -> list[int]:
    """Give where the prelude sets a local to zero: the places of the constants, each followed by the local's."""
    pairs = zip(loop.prelude, loop.prelude[1:], strict=False)
    return [
        place
        for place, (constant, local) in enumerate(pairs)
        if constant == (wasm.I32_CONST, 0) and local[0] == wasm.LOCAL_SET
    ]


def _zeros_of_one_arm(loop: _Loop) -> _Live:
    """Give the locals set to zero for one arm alone: there they are the function's own, and those begin as zero."""
    zeros = _zeros(loop)
    set_there = {place + 1 for place in zeros}
    prelude = [each for place, each in enumerate(loop.prelude) if place not in set_there]
    elsewhere = [
        each[1] for part in (loop.before, prelude, loop.choice, loop.after) for each in part if each[0] in _LOCALS
    ]
    users = [{each[1] for each in arm if each[0] in _LOCALS} for arm in loop.arms]
    return frozenset(
        local
        for local in (loop.prelude[place + 1][1] for place in zeros)
        if local not in elsewhere and sum(local in used for used in users) == 1
    )
