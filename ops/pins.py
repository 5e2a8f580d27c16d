"""Renews uv.toml, which pins the packages that the dependencies of pyproject.toml bring with them.

    uv run python -m ops.pins            # resolve anew and write uv.toml

pyproject.toml pins what the project asks for itself; without the rest a clone made next month would install other
versions than the tests ran with. uv.lock would pin it too, but names the host of a registry in every line, and a team
may use a mirror of its own (https://docs.astral.sh/uv/reference/settings/#constraint-dependencies).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import click

from ops.errors import UserError, in_one_line
from ops.settings import ROOT

PINS = "uv.toml"
_HEADER = """\
# The packages that the dependencies of pyproject.toml bring with them, at the versions that the tests ran with.
# Written by `uv run python -m ops.pins`: change pyproject.toml, then run it again.
"""
_LOCK = ["uv", "lock", "--quiet", "--no-config"]
_EXPORT = ["uv", "export", "--quiet", "--no-config", "--frozen", "--all-groups", "--no-hashes", "--no-annotate"]
_EXPORT += ["--no-header", "--no-emit-project"]


def name_of(requirement: str) -> str:
    """Return the normalised name of a pinned requirement: "ruamel.yaml==1 ; extra" gives "ruamel-yaml" (PEP 503)."""
    name = requirement.split(";")[0].split("==")[0].split("[")[0].strip().lower()
    return name.replace("_", "-").replace(".", "-")


def direct_dependencies(project: Path) -> list[str]:
    """Return the requirements of `project`'s pyproject.toml, those of its groups included."""
    described = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    groups = described.get("dependency-groups", {}).values()
    return [*described["project"]["dependencies"], *(each for group in groups for each in group)]


def constraints(project: Path) -> list[str]:
    """Return what `project`'s uv.toml pins."""
    pinned: list[str] = tomllib.loads((project / PINS).read_text("utf-8"))["constraint-dependencies"]
    return pinned


def resolve(project: Path) -> list[str]:
    """Return what `project`'s pyproject.toml resolves to today: `name==version`, some with `; marker`, sorted.

    Raise UserError where uv is missing or cannot resolve it.
    """
    if shutil.which("uv") is None:
        raise UserError("uv", "it is not installed", "install it: pip install uv")
    with tempfile.TemporaryDirectory() as folder:
        # In a folder of its own: an older uv.lock here would decide the versions.
        shutil.copy(project / "pyproject.toml", folder)
        for command in (_LOCK, _EXPORT):
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines() or ["it gave no reason"]
                raise UserError(" ".join(command[:2]), lines[-1].strip(), "correct pyproject.toml, or try again later")
    return sorted(line.strip() for line in done.stdout.splitlines() if "==" in line)


def renew(project: Path) -> int:
    """Write `project`'s uv.toml; return how many packages it pins."""
    direct = {name_of(each) for each in direct_dependencies(project)}
    pins = [each for each in resolve(project) if name_of(each) not in direct]
    lines = "".join(f'    "{each}",\n' for each in pins)
    (project / PINS).write_text(f"{_HEADER}constraint-dependencies = [\n{lines}]\n", "utf-8")
    return len(pins)


@click.command()
def main() -> None:
    """Renew the pins of uv.toml."""
    try:
        click.echo(f"{PINS}: {renew(ROOT)} packages pinned")
    except UserError as error:
        click.echo(in_one_line(error.subject, error.reason, error.hint), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
