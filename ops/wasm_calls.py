"""Keeps Python's exceptions inside WebAssembly: Emscripten's calls out to JavaScript become functions of the module.

    module = Module.read(wasm)
    keep_exceptions_inside(module)

MicroPython raises with longjmp. Emscripten compiles that, unless told otherwise, to JavaScript: each call in a function that
catches exceptions (the interpreter's main loop is one) leaves the WebAssembly for a function `invoke_...` of the loader, which
calls back in a `try`. A start of the page makes ten thousand such calls, a microsecond each while JavaScript is cold. The same
functions, as WebAssembly with its own exceptions, cost next to nothing and mean the same:

    invoke_ii(f, a):  pointer = stackSave();  try { return table[f](a) }
                      catch (longjmp) { stackRestore(pointer); setThrew(1, 0); return 0 }
                      catch (anything) { stackRestore(pointer); throw anything }
"""

from __future__ import annotations

from ops import wasm
from ops.wasm import Body, FunctionType, Instruction, Module

PREFIX = "invoke_"  # of the imported functions that call others, by their place in the table
THROW = "_emscripten_throw_longjmp"  # the imported function that raises
_STACK_SAVE, _STACK_RESTORE, _SET_THREW = "emscripten_stack_get_current", "_emscripten_stack_restore", "setThrew"


def keep_exceptions_inside(module: Module) -> None:
    """Let the module define the calls that it imports. Raises wasm.Malformed where it does not import what raises."""
    if THROW not in [each.name for each in module.imports]:
        raise wasm.Malformed(f"it does not import {THROW}")
    tag = module.add_tag(FunctionType((), ()))
    bodies = {THROW: Body([], [(wasm.THROW, tag), (wasm.END,)])}
    for each in module.imports:
        if each.name.startswith(PREFIX):
            bodies[each.name] = _guarded_call(module, module.types[each.type], tag)
    module.define(bodies)


def _guarded_call(module: Module, own: FunctionType, tag: int) -> Body:
    """Give the body of one: its first parameter says which function of the table is called with the others."""
    callee = module.type_index(FunctionType(own.parameters[1:], own.results))
    arguments = range(1, len(own.parameters))
    pointer = len(own.parameters)
    zeros: list[Instruction] = []
    for kind in own.results:
        if kind != wasm.I32:
            raise wasm.Malformed(f"a call gives a value of type {kind:#x}, not an integer of 32 bits")
        zeros.append((wasm.I32_CONST, 0))
    back: list[Instruction] = [(wasm.LOCAL_GET, pointer), (wasm.CALL, module.exported(_STACK_RESTORE))]
    return Body(
        [wasm.I32],
        [
            (wasm.CALL, module.exported(_STACK_SAVE)),
            (wasm.LOCAL_SET, pointer),
            (wasm.TRY, wasm.I32 - 0x80 if own.results else wasm.NOTHING),
            *((wasm.LOCAL_GET, index) for index in arguments),
            (wasm.LOCAL_GET, 0),
            (wasm.CALL_INDIRECT, callee, 0),
            (wasm.CATCH, tag),
            *back,
            (wasm.I32_CONST, 1),
            (wasm.I32_CONST, 0),
            (wasm.CALL, module.exported(_SET_THREW)),
            *zeros,
            (wasm.CATCH_ALL,),  # what JavaScript threw
            *back,
            (wasm.RETHROW, 0),
            (wasm.END,),
            (wasm.END,),
        ],
    )
