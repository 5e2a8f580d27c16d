"""Reads and writes WebAssembly modules, as far as one that Emscripten made of C needs: functions, calls, locals, branches.

    module = Module.read(data)                  # bytes of a .wasm
    body = module.bodies[0]
    body.code                                   # [(LOCAL_GET, 0), (I32_CONST, 4), (I32_ADD,), (END,)]
    added = module.add_function(FunctionType((I32,), (I32,)), Body([], [(LOCAL_GET, 0), (END,)]))
    module.write()                              # bytes

An instruction is a tuple: the opcode, then its immediates as integers (a block's type and a constant as they are signed, a
float's bits). Sections that nothing here looks into are kept as bytes; custom ones, for tools, are left out. What is written
has its numbers as short as they can be (Emscripten pads them: 7 % of MicroPython's file).

Format: https://webassembly.github.io/spec/core/binary/; exceptions as all browsers have had them since 2022 (Chrome 95,
Firefox 100, Safari 15.2): https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Instruction = tuple[int, ...]

# Types of values. A block's type is a signed number: that of its result less 0x80, or NOTHING.
I32, FUNCREF = 0x7F, 0x70
NOTHING = -0x40
# Opcodes by their names in the specification.
UNREACHABLE, BLOCK, LOOP, IF, ELSE, TRY, CATCH, THROW, RETHROW, END = 0, 2, 3, 4, 5, 6, 7, 8, 9, 0x0B
BR, BR_IF, BR_TABLE, RETURN, CALL, CALL_INDIRECT = range(0x0C, 0x12)
CATCH_ALL, DROP, SELECT = 0x19, 0x1A, 0x1B
LOCAL_GET, LOCAL_SET, LOCAL_TEE = 0x20, 0x21, 0x22
I32_CONST, I32_EQZ, I32_EQ, I32_LT_U, REF_FUNC = 0x41, 0x45, 0x46, 0x49, 0xD2
OPENING = (BLOCK, LOOP, IF, TRY)
_MEMORY = range(0x28, 0x3F)  # i32.load to i64.store32: alignment and offset
_ONE = {BR, BR_IF, CALL, LOCAL_GET, LOCAL_SET, LOCAL_TEE, 0x23, 0x24, 0x3F, 0x40, REF_FUNC, CATCH, THROW, RETHROW}
_SIGNED = {BLOCK, LOOP, IF, TRY, I32_CONST, 0x42}
_FLOATS = {0x43: 4, 0x44: 8}
_PLAIN = {UNREACHABLE, 1, ELSE, END, RETURN, CATCH_ALL, DROP, SELECT, *range(0x45, 0xC5)}
# Below 0xfc: conversions without a trap, then what is done to memory and tables, by how many numbers follow.
_PREFIX = 0xFC
_PREFIXED = {**dict.fromkeys(range(8), 0), 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}

_HEAD = b"\0asm\x01\0\0\0"
_CUSTOM, _TYPES, _IMPORTS, _FUNCTIONS, _TABLES, _MEMORIES, _GLOBALS, _EXPORTS, _START, _ELEMENTS, _CODE = range(11)
_DATA, _DATA_COUNT, _TAGS = 11, 12, 13
# As they stand in a file (the specification's 5.5.15; tags before the globals, by the exceptions' proposal).
_ORDER = (
    *(_TYPES, _IMPORTS, _FUNCTIONS, _TABLES, _MEMORIES, _TAGS, _GLOBALS, _EXPORTS),
    *(_ELEMENTS, _DATA_COUNT, _CODE, _DATA),
)
_IS_FUNCTION = 0


class Malformed(ValueError):
    """The bytes are no module of the kind this reads; the message says what was met."""


@dataclass(frozen=True)
class FunctionType:
    """What a function takes and gives, as types of values (I32, ...)."""

    parameters: tuple[int, ...]
    results: tuple[int, ...]


@dataclass(frozen=True)
class Import:
    """A function of another module: `type` is an index into the module's types."""

    module: str
    name: str
    type: int


@dataclass
class Body:
    """A function's: the types of its locals (parameters are not in it), and its code, the last END included."""

    locals: list[int]
    code: list[Instruction]


class Module:
    """A module taken apart. Functions are numbered from the imported ones on: `imports`, then `bodies`."""

    def __init__(self) -> None:
        self.types: list[FunctionType] = []
        self.imports: list[Import] = []
        self.functions: list[int] = []  # the type of each of `bodies`
        self.bodies: list[Body] = []
        self.exports: list[tuple[str, int, int]] = []  # name, kind, index
        self._tables: list[bytes] = []
        self._elements: list[tuple[bytes, list[int]]] = []  # how it begins, its functions
        self._tags: list[int] = []
        self._others: dict[int, bytes] = {}

    @classmethod
    def read(cls, data: bytes) -> Module:
        """Take a module apart. Raises Malformed at what it does not know: imports that are no functions, SIMD, a start."""
        if not data.startswith(_HEAD):
            raise Malformed("this is no WebAssembly of version 1")
        module = cls()
        sections: dict[int, bytes] = {}
        source = _Source(data, len(_HEAD))
        while not source.at_end():
            kind = source.byte()
            content = source.take(source.number())
            if kind != _CUSTOM:
                sections[kind] = content
        module._read_heads(sections)
        module.bodies = _Source(sections.pop(_CODE)).each(_read_body)
        module._others = sections
        return module

    def _read_heads(self, sections: dict[int, bytes]) -> None:
        self.types = _Source(sections.pop(_TYPES)).each(_read_type)
        self.imports = _Source(sections.pop(_IMPORTS, b"\0")).each(_read_import)
        self.functions = _Source(sections.pop(_FUNCTIONS)).each(_Source.number)
        self._tables = _Source(sections.pop(_TABLES, b"\0")).each(_read_table)
        self.exports = _Source(sections.pop(_EXPORTS, b"\0")).each(lambda s: (s.text(), s.byte(), s.number()))
        self._elements = _Source(sections.pop(_ELEMENTS, b"\0")).each(_read_element)
        if strange := [kind for kind in sections if kind == _TAGS or kind not in _ORDER]:
            raise Malformed(f"a section of kind {strange[0]} was not expected")

    def write(self) -> bytes:
        """Put the module together again."""
        sections = {
            **self._others,
            _TYPES: _list(_write_type(each) for each in self.types),
            _IMPORTS: _list(
                _text(i.module) + _text(i.name) + bytes([_IS_FUNCTION]) + _number(i.type) for i in self.imports
            ),
            _FUNCTIONS: _list(map(_number, self.functions)),
            _TABLES: _list(self._tables),
            _TAGS: _list(b"\0" + _number(each) for each in self._tags),
            _EXPORTS: _list(_text(name) + bytes([kind]) + _number(index) for name, kind, index in self.exports),
            _ELEMENTS: _list(head + _list(map(_number, functions)) for head, functions in self._elements),
            _CODE: _list(map(_write_body, self.bodies)),
        }
        present = [kind for kind in _ORDER if sections.get(kind, b"\0") != b"\0"]
        return _HEAD + b"".join(bytes([kind]) + _sized(sections[kind]) for kind in present)

    def type_index(self, wanted: FunctionType) -> int:
        """Give the index of a type, added where it is not there."""
        if wanted not in self.types:
            self.types.append(wanted)
        return self.types.index(wanted)

    def exported(self, name: str) -> int:
        """Give the number of an exported function. Raises Malformed where there is none."""
        for each, kind, index in self.exports:
            if each == name and kind == _IS_FUNCTION:
                return index
        raise Malformed(f"it exports no function {name}")

    def next_function(self) -> int:
        """Give the number that the next added function will have."""
        return len(self.imports) + len(self.bodies)

    def add_function(self, kind: FunctionType, body: Body) -> int:
        """Add a function; gives its number."""
        self.functions.append(self.type_index(kind))
        self.bodies.append(body)
        return self.next_function() - 1

    def add_table(self, functions: Sequence[int]) -> int:
        """Add a table of `functions`; gives its number."""
        table = len(self._tables)
        self._tables.append(bytes([FUNCREF, 0]) + _number(len(functions)))
        at_0 = bytes([I32_CONST, 0, END])
        self._elements.append((b"\x02" + _number(table) + at_0 + b"\0", list(functions)))
        return table

    def add_tag(self, kind: FunctionType) -> int:
        """Add a tag, what an exception is thrown with; gives its number."""
        self._tags.append(self.type_index(kind))
        return len(self._tags) - 1

    def define(self, imported: dict[str, Body]) -> None:
        """Let imported functions be the module's own from now on: name -> body. All functions are numbered anew."""
        kept = [old for old, each in enumerate(self.imports) if each.name not in imported]
        moved = [old for old, each in enumerate(self.imports) if each.name in imported]
        own = range(len(self.imports), self.next_function())
        new = {old: number for number, old in enumerate([*kept, *own, *moved])}
        for old in moved:
            self.functions.append(self.imports[old].type)
            self.bodies.append(imported[self.imports[old].name])
        self.imports = [self.imports[old] for old in kept]
        for body in self.bodies:
            body.code = [(i[0], new[i[1]]) if i[0] in (CALL, REF_FUNC) else i for i in body.code]
        self.exports = [(name, k, new[index] if k == _IS_FUNCTION else index) for name, k, index in self.exports]
        self._elements = [(head, [new[function] for function in functions]) for head, functions in self._elements]


class _Source:
    """Bytes that are read from left to right."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.place = at

    def at_end(self) -> bool:
        return self.place >= len(self.data)

    def byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def take(self, count: int) -> bytes:
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self) -> int:
        """Read an unsigned integer (LEB128)."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if byte & 0x40 else value

    def text(self) -> str:
        return self.take(self.number()).decode()

    def each(self, read: Callable[[_Source], Item]) -> list[Item]:
        """Read a list: how many, then each with `read`."""
        return [read(self) for _ in range(self.number())]


def _read_type(source: _Source) -> FunctionType:
    if (kind := source.byte()) != 0x60:
        raise Malformed(f"a type of kind {kind:#x} was not expected")
    return FunctionType(tuple(source.take(source.number())), tuple(source.take(source.number())))


def _read_import(source: _Source) -> Import:
    module, name = source.text(), source.text()
    if source.byte() != _IS_FUNCTION:
        raise Malformed(f"the import {name} is no function")
    return Import(module, name, source.number())


def _read_table(source: _Source) -> bytes:
    start = source.place
    source.byte()
    for _ in range(1 + (source.byte() & 1)):
        source.number()
    return source.data[start : source.place]


def _read_element(source: _Source) -> tuple[bytes, list[int]]:
    start = source.place
    kind = source.number()
    if kind not in (0, 2):
        raise Malformed(f"elements of kind {kind} were not expected")
    if kind == 2:
        source.number()  # the table
    while _read_instruction(source)[0] != END:
        pass
    if kind == 2:
        source.byte()  # of functions
    return source.data[start : source.place], source.each(_Source.number)


def _read_body(source: _Source) -> Body:
    end = source.number() + source.place
    kinds: list[int] = []
    for _ in range(source.number()):
        count = source.number()
        kinds += [source.byte()] * count
    code = []
    while source.place < end:
        code.append(_read_instruction(source))
    return Body(kinds, code)


def _read_instruction(source: _Source) -> Instruction:
    opcode = source.byte()
    if opcode in _PLAIN:
        return (opcode,)
    if opcode in _ONE:
        return opcode, source.number()
    if opcode in _SIGNED:
        return opcode, source.signed()
    if opcode in _MEMORY or opcode == CALL_INDIRECT:
        return opcode, source.number(), source.number()
    if opcode in _FLOATS:
        return opcode, int.from_bytes(source.take(_FLOATS[opcode]), "little")
    if opcode == BR_TABLE:
        return opcode, *source.each(_Source.number), source.number()
    if opcode == _PREFIX and (second := source.number()) in _PREFIXED:
        return opcode, second, *(source.number() for _ in range(_PREFIXED[second]))
    raise Malformed(f"the instruction {opcode:#x} is not known here")


def _write_instruction(instruction: Instruction) -> bytes:
    opcode, *immediates = instruction
    head = bytes([opcode])
    if opcode in _SIGNED:
        return head + _signed(immediates[0])
    if opcode in _FLOATS:
        return head + immediates[0].to_bytes(_FLOATS[opcode], "little")
    if opcode == BR_TABLE:
        return head + _list(map(_number, immediates[:-1])) + _number(immediates[-1])
    return head + b"".join(map(_number, immediates))


def _write_type(kind: FunctionType) -> bytes:
    return b"\x60" + b"".join(_sized(bytes(values)) for values in (kind.parameters, kind.results))


def _write_body(body: Body) -> bytes:
    runs: list[list[int]] = []  # [how many, of which type]
    for kind in body.locals:
        if runs and runs[-1][1] == kind:
            runs[-1][0] += 1
        else:
            runs.append([1, kind])
    return _sized(
        _list(_number(count) + bytes([kind]) for count, kind in runs) + b"".join(map(_write_instruction, body.code))
    )


def _number(value: int) -> bytes:
    """Encode an unsigned integer (LEB128)."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _signed(value: int) -> bytes:
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value & 0x7F])


def _list(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return _number(len(items)) + b"".join(items)


def _sized(content: bytes) -> bytes:
    return _number(len(content)) + content


def _text(text: str) -> bytes:
    return _sized(text.encode())
