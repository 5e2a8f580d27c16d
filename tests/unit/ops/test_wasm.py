"""The interpreter's WebAssembly, read, changed and written: that Python runs in it is held by tests/unit/pyapp in the browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import wasm
from ops.site import npm
from ops.wasm import Body, FunctionType, Import, Malformed, Module
from ops.wasm_calls import THROW, keep_exceptions_inside
from ops.wasm_loop import split_main_loop


@pytest.fixture(scope="module")
def micropython() -> bytes:
    return Path(npm.install_packages(), "@micropython/micropython-webassembly-pyscript/micropython.wasm").read_bytes()


def test_what_is_written_is_what_was_read_and_shorter(micropython: bytes) -> None:
    module = Module.read(micropython)
    written = module.write()
    again = Module.read(written)
    assert [body.code for body in again.bodies] == [body.code for body in module.bodies]
    assert (again.types, again.imports, again.exports) == (module.types, module.imports, module.exports)
    assert again.write() == written
    assert len(written) < 0.95 * len(micropython)


def test_no_call_leaves_the_interpreter_to_come_back(micropython: bytes) -> None:
    module = Module.read(micropython)
    exported = [name for name, _, _ in module.exports]
    keep_exceptions_inside(module)
    assert not [each.name for each in module.imports if each.name.startswith("invoke_") or each.name == THROW]
    assert [name for name, _, _ in module.exports] == exported
    assert len(module.functions) == len(module.bodies)


def test_the_main_loop_is_the_longest_function_no_more(micropython: bytes) -> None:
    module = Module.read(micropython)
    functions = len(module.bodies)
    loop = max(range(functions), key=lambda each: len(module.bodies[each].code))
    longest = len(module.bodies[loop].code)
    split_main_loop(module)
    assert len(module.bodies) > functions + 64
    assert len(module.bodies[loop].code) < longest / 5
    assert Module.read(module.write()).write() == module.write()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"MZ", "no WebAssembly"),
        (b"\0asm\x01\0\0\0\x01\x01\0\x03\x01\0\x0a\x05\x01\x03\0\xfd\x0b", "0xfd is not known"),
        (b"\0asm\x01\0\0\0\x01\x01\0\x02\x08\x01\x01a\x01b\x02\0\x01", "import b is no function"),
    ],
)
def test_what_is_not_known_is_named(data: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        Module.read(data)


def test_a_module_without_a_main_loop_is_refused() -> None:
    with pytest.raises(Malformed, match="no loop"):
        split_main_loop(_module([(wasm.END,)]))


def test_a_module_that_does_not_raise_is_refused() -> None:
    with pytest.raises(Malformed, match=THROW):
        keep_exceptions_inside(_module([(wasm.END,)]))


def test_a_call_that_gives_anything_but_an_integer_of_32_bits_is_refused() -> None:
    module = _module([(wasm.END,)])
    real = 0x7C  # f64
    for name, kind in ((THROW, FunctionType((), ())), ("invoke_d", FunctionType((wasm.I32,), (real,)))):
        module.imports.append(Import("env", name, module.type_index(kind)))
    with pytest.raises(Malformed, match="0x7c"):
        keep_exceptions_inside(module)


def test_sections_stand_in_the_specifications_order() -> None:
    """A count of data segments comes before the code, whatever its number is."""
    count, data = b"\x0c\x01\x01", b"\x0b\x03\x01\x01\0"  # one segment, passive and empty
    head = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0"
    whole = head + count + b"\x0a\x04\x01\x02\0\x0b" + data
    assert Module.read(whole).write() == whole


def _module(code: list[wasm.Instruction]) -> Module:
    module = Module()
    module.add_function(FunctionType((wasm.I32,), ()), Body([], code))
    return module
