"""What the page's Python must do at all: its build changes how MicroPython raises (ops/wasm_calls.py) and takes files away."""

# mypy: ignore-errors
# What is raised here is raised by what no type checker lets pass.


class Trouble(Exception):
    """Raised here alone."""


class Lazy:
    """Raises from what the interpreter calls by itself: attributes, operators, keys, iteration."""

    def __getattr__(self, name):
        raise Trouble(name)

    def __add__(self, other):
        raise Trouble("add")

    def __getitem__(self, key):
        raise Trouble("getitem")

    def __iter__(self):
        raise Trouble("iter")


def _raise(value):
    raise Trouble(value)


def _caught(call):
    try:
        call()
    except Trouble as trouble:
        return trouble.args[0]
    return None


def test_exceptions_come_through_whatever_called() -> None:
    lazy = Lazy()
    assert _caught(lambda: lazy.name) == "name"
    assert _caught(lambda: lazy + 1) == "add"
    assert _caught(lambda: lazy["x"]) == "getitem"
    assert _caught(lambda: list(lazy)) == "iter"
    assert _caught(lambda: sorted([1, 1], key=_raise)) == 1
    assert _caught(lambda: [_raise(x) for x in (3,)]) == 3
    assert _caught(lambda: max((4, 4), key=_raise)) == 4


def test_cleaning_up_happens_once_and_in_order() -> None:
    seen = []

    class Room:
        def __enter__(self):
            seen.append("in")

        def __exit__(self, *_) -> None:
            seen.append("out")

    def visit() -> None:
        try:
            with Room():
                try:
                    _raise("first")
                finally:
                    seen.append("finally")
        except Trouble as trouble:
            seen.append(trouble.args[0])
            raise Trouble("second") from None

    assert _caught(visit) == "second"
    assert seen == ["in", "finally", "out", "first"]


def test_generators_end_with_what_they_raise() -> None:
    def numbers():
        try:
            yield 1
            yield 2
        except Trouble as trouble:
            yield trouble.args[0]
            raise Trouble("end") from None

    each = numbers()
    assert next(each) == 1
    assert each.throw(Trouble("thrown")) == "thrown"
    assert _caught(lambda: next(each)) == "end"
    assert list(each) == []


def test_the_stack_is_given_back_with_every_exception() -> None:
    # Ten thousand at a depth of ten: a stack that is not given back is full long before.
    def deep(levels):
        if not levels:
            _raise("bottom")
        sorted([1, 1], key=lambda _: deep(levels - 1))

    for _ in range(10_000):
        assert _caught(lambda: deep(10)) == "bottom"


def test_recursion_without_end_is_an_exception_too() -> None:
    def forever():
        return forever() + 1

    for _ in range(3):
        try:
            forever()
        except RuntimeError:
            continue
        raise AssertionError("it came back")


def test_a_file_that_is_not_there_is_an_os_error() -> None:
    for path in ("there-is-none.txt", "/there/is/none"):
        try:
            open(path)  # noqa: PTH123, SIM115  # what is shared has no pathlib
        except OSError:
            continue
        raise AssertionError(path)
