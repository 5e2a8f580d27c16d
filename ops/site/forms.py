"""Check that a site's files are complete, each by the kind that its name's ending says.

    form_problem("assets/app-0123456789ab.pack", content)     # "" or what is wrong with it
    read_pack(image)                                          # {"cards.mpy": b"M\\x06...", "settings.json": b"{...}"}

A compiler that exits with 0 having written nothing, a cache with half a module: MicroPython notices it only when the page
imports that module ("incompatible .mpy file"). So the build looks at what it made, and the smoke test at what is served.
The formats: docs.micropython.org/en/latest/reference/mpy_files.html, py/persistentcode.c (load_raw_code, load_obj) and
extmod/vfs_rom.c in MicroPython's sources; webassembly.github.io/spec/core/binary/modules.html.
"""

from __future__ import annotations

import json

# How the path of a pack begins that a page loads when its first values are shown.
LATE = "assets/late-"
_ROMFS = b"\xd2\xcd\x31"
_VERBATIM, _DIRECTORY, _FILE = 2, 4, 5
_MPY_VERSION = 6
# Objects of a module's table without content: the function table, None, False, True, Ellipsis.
_PLAIN_OBJECTS = range(5)
_STR, _BYTES, _INT, _FLOAT, _COMPLEX, _TUPLE = range(5, 11)
_BYTECODE = 0
_WASM = b"\0asm\1\0\0\0"
_TEXTS = ("css", "html", "js", "mjs", "py", "svg", "toml", "txt")


class Malformed(ValueError):
    """Not a whole file of its kind; the text says why."""


class _Reader:
    """Reads `data` from `at` on; never beyond its end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise Malformed(f"it ends at byte {len(self.data)} of at least {end}")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """Read a number in groups of seven bits, the highest first; bit 7 says that another follows."""
        value = 0
        while True:
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value

    def little_number(self) -> int:
        """Read a number in groups of seven bits, the lowest first (LEB128)."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    @property
    def ended(self) -> bool:
        return self.at == len(self.data)


def form_problem(path: str, content: bytes) -> str:
    """Return what is wrong with a file, judged by the ending of its name; "" for nothing."""
    kind = path.rpartition(".")[2]
    try:
        if kind == "mpy":
            check_module(content)
        elif kind == "pack":
            check_pack(content, whole=not path.startswith(LATE))
        elif kind == "wasm":
            check_wasm(content)
        elif kind == "json":
            json.loads(content)
        elif kind in _TEXTS and not content.decode().strip() and path.count("/") < 2:
            return "it is empty"  # a package's own folder (assets/NAME/...) may have empty files, as published
    except UnicodeDecodeError:
        return "it is no UTF-8"
    except ValueError as error:
        return str(error)
    return ""


def read_pack(image: bytes) -> dict[str, bytes]:
    """Return the files of a ROMFS image by their paths. Raises Malformed."""
    reader = _Reader(image)
    if reader.take(len(_ROMFS)) != _ROMFS:
        raise Malformed("it does not begin as a ROMFS image")
    records = _Reader(reader.take(reader.number()))
    if not reader.ended:
        raise Malformed(f"it goes on for {len(image) - reader.at} bytes after its end")
    files: dict[str, bytes] = {}
    _read_records(records, "", files)
    return files


def _read_records(records: _Reader, folder: str, files: dict[str, bytes]) -> None:
    while not records.ended:
        kind = records.number()
        payload = _Reader(records.take(records.number()))
        if kind not in (_DIRECTORY, _FILE):
            raise Malformed(f"it has a record of kind {kind}")
        name = folder + payload.take(payload.number()).decode("ascii", "replace")
        if kind == _DIRECTORY:
            _read_records(payload, f"{name}/", files)
            continue
        if payload.number() != _VERBATIM:
            raise Malformed(f"{name} is not stored as it is")
        files[name] = payload.take(payload.number())
        if not payload.ended:
            raise Malformed(f"{name} goes on after its end")


def check_pack(image: bytes, whole: bool = True) -> None:
    """Raise Malformed, which names the file, for a pack that is not complete; `whole` for one that a page starts from."""
    files = read_pack(image)
    for path, content in files.items():
        if problem := form_problem(path, content):
            raise Malformed(f"{path}: {problem}")
    if not files or (whole and ("settings.json" not in files or len(files) < 2)):
        raise Malformed("it has no settings or no modules")


def check_module(compiled: bytes) -> None:
    """Raise Malformed for what is not one whole .mpy of bytecode."""
    reader = _Reader(compiled)
    if reader.take(1) != b"M" or (version := reader.byte()) < _MPY_VERSION:
        raise Malformed(f"it does not begin as a .mpy of version {_MPY_VERSION}")
    if version > _MPY_VERSION:
        return  # of a newer MicroPython: its form is not known here, and no update may stop a build
    reader.take(2)  # flags, and the bits of a small int
    strings, objects = reader.number(), reader.number()
    for _ in range(strings):
        length = reader.number()
        if not length & 1:  # one that every MicroPython has is a number only
            reader.take((length >> 1) + 1)
    for _ in range(objects):
        _skip_object(reader)
    _skip_code(reader)
    if not reader.ended:
        raise Malformed(f"it goes on for {len(compiled) - reader.at} bytes after its end")


def _skip_object(reader: _Reader) -> None:
    kind = reader.byte()
    if kind in _PLAIN_OBJECTS:
        return
    if kind > _TUPLE:
        raise Malformed(f"it has an object of kind {kind}")
    length = reader.number()
    if kind == _TUPLE:
        for _ in range(length):
            _skip_object(reader)
    else:
        reader.take(length + (kind in (_STR, _BYTES)))  # those end with a zero


def _skip_code(reader: _Reader) -> None:
    kind = reader.number()
    if kind & 3 != _BYTECODE:
        raise Malformed("it has native code")
    reader.take(kind >> 3)
    if kind & 4:
        for _ in range(reader.number()):
            _skip_code(reader)


def check_wasm(module: bytes) -> None:
    """Raise Malformed for what is not WebAssembly from its first section to its last."""
    if not module.startswith(_WASM):
        raise Malformed("it does not begin as WebAssembly")
    reader = _Reader(module, len(_WASM))
    while not reader.ended:
        reader.byte()  # the section's kind
        reader.take(reader.little_number())
