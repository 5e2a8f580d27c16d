"""Compilers at once, on one cache: none may leave, or get, half a module.

    uv run python -m tests.attack.compilers [--rounds 500] [--processes 3]

Each process compiles the same modules, never compiled before, in the same order and as fast as it can, as previews and builds
in one checkout do. Exits with 1 where one of them got something else than the module, or the cache has it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

# In argv: the folder, the number of modules. Each module's source follows from its number.
_COMPILER = """
import sys
from pathlib import Path
from ops.site import build
from ops.site.cache import Cache
from ops.site.forms import check_module
folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
build._CACHE = Cache(folder / "cache")
print("ready", flush=True)
sys.stdin.readline()
for number in range(rounds):
    compiled = build.compile_module(folder / "modules" / f"m{number}.py", folder / "modules")
    check_module(compiled)
    assert f"round {number} ".encode() in compiled, "another module"
"""


class Poisoned(AssertionError):
    """What must not happen: a module that is not whole."""


def race(folder: Path, rounds: int, processes: int) -> int:
    """Let `processes` compile `rounds` modules below `folder`, each for itself; return how many entries the cache has."""
    from ops.site.cache import _read
    from ops.site.forms import check_module

    modules = folder / "modules"
    modules.mkdir()
    for number in range(rounds):
        (modules / f"m{number}.py").write_text(f"x = 'round {number} ' + {'y' * 3000!r}\n", "utf-8")
    compilers = [
        subprocess.Popen(
            [sys.executable, "-c", _COMPILER, str(folder), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for compiler in compilers:
        assert compiler.stdout
        compiler.stdout.readline()
    for compiler in compilers:
        assert compiler.stdin
        compiler.stdin.write("go\n")
        compiler.stdin.flush()
    said = [compiler.communicate()[1] for compiler in compilers]
    if any(compiler.returncode for compiler in compilers):
        raise Poisoned("\n".join(said))
    entries = list((folder / "cache").iterdir())
    for entry in entries:
        content = _read(entry)
        if content is None:
            raise Poisoned(f"{entry.name} is not whole")
        check_module(content)
    if len(entries) != rounds:
        raise Poisoned(f"{len(entries)} entries of {rounds} modules")
    return len(entries)


@click.command()
@click.option("--rounds", default=500, show_default=True)
@click.option("--processes", default=3, show_default=True)
def main(rounds: int, processes: int) -> None:
    """Race, and say that nothing broke."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"{race(Path(folder), rounds, processes)} modules, all whole, by {processes} compilers at once")


if __name__ == "__main__":
    main()
