"""Two small WebAssembly modules that keep Python's exceptions inside WebAssembly.

    calls = call_module(["invoke_ii", "invoke_v"])   # bytes: exports these functions, a `table` and `helpers` to be filled
    link = link_module()                             # bytes: fills them from the interpreter, once that is there

MicroPython raises with longjmp. Emscripten compiles that, unless told otherwise, to JavaScript: each call in a function that
catches exceptions (the interpreter's main loop is one) leaves the WebAssembly for a function `invoke_...` of the loader, which
calls back in a `try`. A start of the page makes ten thousand such calls, a microsecond each while JavaScript is cold. The same
functions, as WebAssembly with its own exceptions, cost next to nothing and mean the same:

    invoke_ii(f, a):  pointer = stackSave();  try { return table[f](a) }
                      catch (longjmp) { stackRestore(pointer); setThrew(1, 0); return 0 }
                      catch (anything) { stackRestore(pointer); throw anything }

The interpreter imports these functions, and they need its table and its stack: so `calls` starts with an empty table, and
`link`, made when the interpreter is, grows and fills it.

Encoding: https://webassembly.github.io/spec/core/binary/; exceptions as all browsers have had them since 2022 (Chrome 95,
Firefox 100, Safari 15.2): https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

# What the loader's module must export for `link` to import: stackSave, stackRestore, setThrew, and the table.
STACK_SAVE, STACK_RESTORE, SET_THREW = "emscripten_stack_get_current", "_emscripten_stack_restore", "setThrew"
TABLE = "__indirect_function_table"
# What `calls` exports beside the functions: the import that raises, the table to fill, the three helpers to fill.
THROW = "_emscripten_throw_longjmp"
_FILLED, _HELPERS = "table", "helpers"

_HEAD = b"\0asm\x01\0\0\0"
_TYPES, _IMPORTS, _FUNCTIONS, _TABLES, _EXPORTS, _START, _ELEMENTS, _CODE, _TAGS = 1, 2, 3, 4, 7, 8, 9, 10, 13
_I32, _FUNCREF, _NOTHING = b"\x7f", b"\x70", b"\x40"
_IS_FUNCTION, _IS_TABLE = b"\0", b"\x01"
_END, _DROP = b"\x0b", b"\x1a"
# Signatures (parameters, results, all i32) of what raises and of the three helpers, and the helpers' places.
_RAISE, _SAVE, _RESTORE, _THREW = (0, 0), (0, 1), (1, 0), (2, 0)
_HELPER_SIGNATURES = (_SAVE, _RESTORE, _THREW)


def call_module(names: Iterable[str]) -> bytes:
    """Give the module of the functions `names`, Emscripten's: invoke_, the result (v or i), a letter i a parameter.

    Raises ValueError at a signature with anything but 32-bit integers.
    """
    signatures = [_RAISE, *_HELPER_SIGNATURES]

    def type_index(signature: tuple[int, int]) -> int:
        if signature not in signatures:
            signatures.append(signature)
        return signatures.index(signature)

    exports: list[bytes] = []
    functions: list[bytes] = []
    codes: list[bytes] = []
    for name in names:
        parameters, results = _signature(name)
        exports.append(_name(name) + _IS_FUNCTION + _number(len(functions)))
        functions.append(_number(type_index((parameters + 1, results))))
        codes.append(_guarded_call(parameters, results, type_index((parameters, results)), type_index))
    exports.append(_name(THROW) + _IS_FUNCTION + _number(len(functions)))
    functions.append(_number(type_index(_RAISE)))
    codes.append(_sized(b"\0" + b"\x08\0" + _END))  # no locals; throw the one tag
    exports += [_name(_FILLED) + _IS_TABLE + _number(0), _name(_HELPERS) + _IS_TABLE + _number(1)]
    return (
        _HEAD
        + _section(_TYPES, _list(_function_type(signature) for signature in signatures))
        + _section(_FUNCTIONS, _list(functions))
        + _section(_TABLES, _list([_table(0), _table(len(_HELPER_SIGNATURES))]))
        + _section(_TAGS, _list([b"\0" + _number(type_index(_RAISE))]))
        + _section(_EXPORTS, _list(exports))
        + _section(_CODE, _list(codes))
    )


def link_module() -> bytes:
    """Give the module that, as it is made, copies the interpreter's table (imports `interpreter`) into `calls`' own."""
    imports = [
        *(
            _name("interpreter") + _name(name) + _IS_FUNCTION + _number(type_index)
            for type_index, name in enumerate((STACK_SAVE, STACK_RESTORE, SET_THREW))
        ),
        _name("interpreter") + _name(TABLE) + _IS_TABLE + _table(0),
        _name("calls") + _name(_FILLED) + _IS_TABLE + _table(0),
        _name("calls") + _name(_HELPERS) + _IS_TABLE + _table(len(_HELPER_SIGNATURES)),
    ]
    size = b"\xfc\x10" + _number(0)  # table.size of the interpreter's
    start = (
        (b"\xd0" + _FUNCREF + size + b"\xfc\x0f" + _number(1) + _DROP)  # table.grow of calls' own by as much, with null
        + (_const(0) + _const(0) + size + b"\xfc\x0e" + _number(1) + _number(0))  # table.copy into it
    )
    helpers = b"\x02" + _number(2) + _const(0) + _END + b"\0" + _list(_number(index) for index in range(3))
    return (
        _HEAD
        + _section(_TYPES, _list(_function_type(signature) for signature in (*_HELPER_SIGNATURES, _RAISE)))
        + _section(_IMPORTS, _list(imports))
        + _section(_FUNCTIONS, _list([_number(len(_HELPER_SIGNATURES))]))
        + _section(_START, _number(len(_HELPER_SIGNATURES)))
        + _section(_ELEMENTS, _list([helpers]))
        + _section(_CODE, _list([_sized(b"\0" + start + _END)]))
    )


def _guarded_call(parameters: int, results: int, callee: int, type_index: Callable[[tuple[int, int]], int]) -> bytes:
    """Give the body of one function: its first parameter says which function of the table is called with the others."""

    def help_with(place: int) -> bytes:
        return _const(place) + b"\x11" + _number(type_index(_HELPER_SIGNATURES[place])) + _number(1)

    pointer = parameters + 1  # the one local, after the parameters
    return _sized(
        (_list([_number(1) + _I32]))
        + (help_with(0) + b"\x21" + _number(pointer))
        + (b"\x06" + (_I32 if results else _NOTHING))  # try
        + b"".join(_local(index) for index in range(1, parameters + 1))
        + (_local(0) + b"\x11" + _number(callee) + _number(0))
        + (b"\x07" + _number(0))  # catch the one tag
        + (_local(pointer) + help_with(1))
        + (_const(1) + _const(0) + help_with(2))
        + (_const(0) if results else b"")
        + b"\x19"  # catch_all: what JavaScript threw
        + (_local(pointer) + help_with(1))
        + (b"\x09" + _number(0))  # rethrow
        + _END
        + _END
    )


def _signature(name: str) -> tuple[int, int]:
    kinds = name.removeprefix("invoke_")
    if kinds == name or kinds[:1] not in ("i", "v") or set(kinds[1:]) - {"i"}:
        raise ValueError(f"{name} is no call with 32-bit integers alone")
    return len(kinds) - 1, int(kinds[0] == "i")


def _number(value: int) -> bytes:
    """Encode an unsigned integer (LEB128)."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _const(value: int) -> bytes:
    """Push a small constant, 0 to 63 (where the signed encoding is the same)."""
    return b"\x41" + _number(value)


def _local(index: int) -> bytes:
    return b"\x20" + _number(index)


def _list(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return _number(len(items)) + b"".join(items)


def _sized(body: bytes) -> bytes:
    return _number(len(body)) + body


def _name(text: str) -> bytes:
    return _sized(text.encode())


def _section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _sized(body)


def _table(least: int) -> bytes:
    return _FUNCREF + b"\0" + _number(least)


def _function_type(signature: tuple[int, int]) -> bytes:
    return b"\x60" + b"".join(_list([_I32] * count) for count in signature)
