"""What is whole and what is not: modules, packs and WebAssembly as the real tools make them, cut and changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from mpremote.romfs import VfsRomWriter

from ops.settings import ROOT
from ops.site.build import compile_module, make_page
from ops.site.forms import Malformed, check_module, check_pack, check_wasm, form_problem, read_pack
from tests.unit.ops.pages import small_page

pytestmark = pytest.mark.slow

_MODULES = [path for folder in ("pyapp", "web/workspace") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    """Build a real page."""
    return dict(make_page(small_page()).contents)


def _only(contents: dict[str, bytes], kind: str) -> bytes:
    (content,) = (content for path, content in contents.items() if path.endswith(f".{kind}"))
    return content


def test_what_the_build_makes_is_whole(contents: dict[str, bytes]) -> None:
    assert {path: problem for path, content in contents.items() if (problem := form_problem(path, content))} == {}


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: path.name)
def test_every_module_is_whole_and_no_part_of_it_is(path: Path) -> None:
    compiled = compile_module(path, path.parent)
    check_module(compiled)
    # Every cut of a small one; of a large one those that a block or a page makes, and a byte less.
    for cut in range(len(compiled)) if len(compiled) < 1500 else {*range(0, len(compiled), 512), len(compiled) - 1}:
        with pytest.raises(Malformed):
            check_module(compiled[:cut])
    with pytest.raises(Malformed, match="after its end"):
        check_module(compiled + b"\0")


def test_modules_with_every_kind_of_constant_are_read(tmp_path: Path) -> None:
    source = tmp_path / "constants.py"
    source.write_text(
        "A = (1, 'two', b'three', 4.5, 10**30, None, True, ..., ('nested', (1.5j,)))\n"
        "B = 123456789012345678901234567890\nclass C:\n    def f(self, *a, **k):\n        return lambda: [x for x in a]\n"
    )
    compiled = compile_module(source, tmp_path)
    check_module(compiled)
    for cut in range(len(compiled)):
        with pytest.raises(Malformed):
            check_module(compiled[:cut])


def test_a_pack_has_what_was_packed() -> None:
    image = VfsRomWriter()
    image.mkfile("a.mpy", b"first")
    image.opendir("folder")
    image.mkfile("b.mpy", b"x" * 300)
    image.closedir()
    assert read_pack(bytes(image.finalise())) == {"a.mpy": b"first", "folder/b.mpy": b"x" * 300}


def test_a_cut_pack_is_noticed_wherever_it_is_cut(contents: dict[str, bytes]) -> None:
    pack = _only(contents, "pack")
    check_pack(pack)
    for cut in {*range(0, len(pack), 997), len(pack) - 1}:
        with pytest.raises(Malformed):
            check_pack(pack[:cut])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cards.mpy", b"", "cards.mpy: it ends at byte 0"),
        ("cards.mpy", b"print(1)", "does not begin as a .mpy"),
        ("cards.mpy", b"M\x05\x00\x1f", "does not begin as a .mpy of version 6"),
        ("settings.json", b"", "settings.json: "),
    ],
)
def test_a_pack_with_a_module_that_is_none_is_noticed(name: str, content: bytes, said: str) -> None:
    """A 0-byte module in a whole image: the page says "incompatible .mpy file" as it starts."""
    image = VfsRomWriter()
    for path, whole in {"main.mpy": _tiny(), "settings.json": b"{}", name: content}.items():
        image.mkfile(path, whole)
    assert said in form_problem("assets/app-0.pack", bytes(image.finalise()))


def _tiny() -> bytes:
    return compile_module(ROOT / "pyapp" / "main.py", ROOT / "pyapp")


def test_cut_webassembly_is_noticed(contents: dict[str, bytes]) -> None:
    wasm = _only(contents, "wasm")
    check_wasm(wasm)
    for cut in (0, 7, 9, len(wasm) // 2, len(wasm) - 1):
        with pytest.raises(Malformed):
            check_wasm(wasm[:cut])


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("index.html", b"", "empty"),
        ("assets/app-0.css", b" \n", "empty"),
        ("assets/start-0.js", b"\xff\xfe", "UTF-8"),
        ("assets/a.json", b"{", ""),
        ("assets/icon-0.svg", b"<svg/>", None),
        ("assets/x.woff2", b"", None),
    ],
)
def test_texts_are_texts(path: str, content: bytes, said: str | None) -> None:
    problem = form_problem(path, content)
    assert problem == "" if said is None else problem and said in problem
