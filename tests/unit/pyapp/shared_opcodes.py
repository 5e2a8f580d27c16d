"""Each opcode of MicroPython's bytecode (py/bc0.h) at least once: the build takes the main loop apart (ops/wasm_loop.py)."""

# mypy: ignore-errors
# ruff: noqa: RUF005, SIM905  # what is odd here is there for its opcode

_told = ["module"]


def test_constants_names_and_attributes() -> None:
    global _told

    class Thing:
        kind = "thing"
        count = len(kind)
        del kind

        def __init__(self, value):
            self.value = value

    class Special(Thing):
        def __init__(self, value):
            super().__init__(value + 1)

    thing = Special(1_000_000)
    thing.value += 1
    thing.other = ...
    del thing.other
    assert (thing.value, Thing.count, hasattr(Thing, "kind"), hasattr(thing, "other")) == (1_000_002, 5, False, False)
    assert [None, True, False, -5, 63, 64, 2.5, "text", b"bytes", 10**20][-1] == 100_000_000_000_000_000_000
    _told = ["changed"]
    assert _told == ["changed"]
    del _told
    try:
        assert _told
    except NameError:
        _told = ["module"]
    assert _told[0] == "module"


def test_many_locals_and_deleted_ones() -> None:
    a = b = c = d = e = f = g = h = i = j = k = m = n = o = p = q = r = s = t = 1
    t += 1
    del a
    try:
        assert a
    except NameError:
        a = 3
    assert a + b + c + d + e + f + g + h + i + j + k + m + n + o + p + q + r + s + t == 22


def test_closures() -> None:
    total = 10

    def add(value, *, twice=False):
        nonlocal total
        total += value * (2 if twice else 1)
        return lambda more=value: total + more

    assert add(1)() == 12
    assert add(2, twice=True)(5) == 20
    del total
    try:
        add(1)
    except NameError:
        return
    raise AssertionError("a deleted variable was there")


def test_operators() -> None:
    zero, one, two, three, six, seven = (0, 1, 2, 3, 6, 7)  # the compiler works out what it has as constants
    assert [seven + two, seven - two, seven * two, seven / two, seven // two, seven % two] == [9, 5, 14, 3.5, 3, 1]
    assert [seven**two, six & three, six | three, six ^ three, six << three, six >> one] == [49, 2, 7, 5, 48, 3]
    assert [~six, -six, +six, not six, not zero] == [-7, -6, 6, False, True]
    assert [one < two, one > two, one == two, one != two] == [True, False, False, True]
    assert [one <= two, one >= two, one in [one], one not in [one]] == [True, False, True, False]
    nothing = None
    assert nothing is None
    assert one is not None
    assert [zero or "other", one and "next", zero and one, one or two] == ["other", "next", 0, 1]
    assert [one < two < three, one < zero < three] == [True, False]
    values = [1, 2, 3]
    values[0] += 5
    values[1] <<= 2
    assert values == [6, 8, 3]


def test_collections_slices_and_unpacking() -> None:
    numbers = list(range(10))
    assert numbers[2:5] + numbers[::4] + numbers[:-8] == [2, 3, 4, 0, 4, 8, 0, 1]
    del numbers[0]
    assert {each % 3 for each in numbers} | {7, 8} == {0, 1, 2, 7, 8}
    assert {each: each * each for each in (1, 2)} == {1: 1, 2: 4}
    assert {"a": 1, "b": 2}["b"] + len({}) + len(()) == 2
    first, *middle, last = "abcde"
    (x, y), z = (1, 2), 3
    x, y = y, x
    x, y, z = z, x, y
    assert (first, middle, last, x, y, z) == ("a", ["b", "c", "d"], "e", 3, 2, 1)
    assert [(one, other) for one in (1, 2) for other in "ab" if one > 1] == [(2, "a"), (2, "b")]


def test_calls() -> None:
    def told(first, second=2, *others, named=None, **more):
        return first, second, others, named, sorted(more.items())

    assert told(1) == (1, 2, (), None, [])
    assert told(1, *[5, 6], named=7, **{"x": 8}) == (1, 5, (6,), 7, [("x", 8)])
    assert "{}-{a}".format(*["b"], **{"a": "c"}) == "b-c"
    assert "a,b".split(",") + [f"{1 + 1}{'x'!r}"] == ["a", "b", "2'x'"]


def test_loops_left_and_gone_on_with() -> None:
    seen = []
    for number in range(10):
        try:
            if number == 2:
                continue
            if number == 5:
                break
            seen.append(number)
        finally:
            seen.append("-")
    else:
        seen.append("never")
    for letter in "ab":
        for _ in [1, 2]:
            if letter == "a":
                break
            seen.append(letter)
    while len(seen) > 3:
        seen.pop()
    else:
        seen.append("else")
    assert seen == [0, "-", 1, "else"]


def test_exceptions_of_all_kinds() -> None:
    def left(how):
        for _ in range(2):
            try:
                try:
                    if how == "return":
                        return "returned"
                    raise ValueError(how)
                except KeyError:
                    return "wrong"
                finally:
                    how += "!"
            except ValueError as error:
                if how == "raise!":
                    raise OSError("from") from error
                if how == "again!":
                    raise
                continue
        return how

    assert left("return") == "returned"
    assert left("on") == "on!!"
    for how, kind in (("raise", OSError), ("again", ValueError)):
        try:
            left(how)
        except kind:
            continue
        raise AssertionError(how)
    try:
        assert not how
    except AssertionError:
        how = ""
    assert not how


def test_with() -> None:
    seen = []

    class Room:
        def __init__(self, keeps):
            self.keeps = keeps

        def __enter__(self):
            return self.keeps

        def __exit__(self, kind, error, trace):
            seen.append(kind)
            return self.keeps

    def visit(keeps):
        for _ in range(3):
            with Room(keeps) as kept:
                if not kept:
                    return "left"
                raise ValueError
        return "kept"

    assert (visit(True), visit(False)) == ("kept", "left")
    assert seen == [ValueError, ValueError, ValueError, None]


def test_generators() -> None:
    def inner():
        got = yield 1
        yield got * 2
        return "done"

    def outer():
        result = yield from inner()
        yield result
        yield from [7, 8]

    each = outer()
    assert next(each) == 1
    assert each.send(21) == 42
    assert list(each) == ["done", 7, 8]
    assert sum(number for number in range(5)) == 10


async def test_coroutines() -> None:
    class Later:
        def __init__(self, values):
            self.values = list(values)

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.values:
                raise StopAsyncIteration
            return self.values.pop(0)

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            self.values.append("out")

    async def give(value):
        return value

    later = Later([1, 2])
    async with later as same:
        total = 0
        async for each in same:
            total += await give(each)
    assert (total, later.values) == (3, ["out"])


def test_imports() -> None:
    import sys as system
    from collections import namedtuple

    room = {}
    exec("from json import *", room)  # the one way to have it outside a module's first lines
    assert room["loads"]("[1]") == [1]
    assert namedtuple("Pair", ("a", "b"))(1, 2).b == 2
    assert system.modules
