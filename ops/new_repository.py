"""Make a team's own repository: Popdesk whole, with small files of the team's own, and a history that upgrades merge into.

    notes = make_repository(Path("../acme-desk"), name="Acme desk", namespace="acme")

Its first commit is upstream's, with upstream's history where this checkout has it, tagged `popdesk-VERSION`; the second one has
the team's files. It is made beside the target and moved there in one step: a failure leaves nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from pydantic import ValidationError

from ops.errors import WRONG_SETTINGS, UserError
from ops.files import map_os_errors
from ops.pyproject import version
from ops.settings import ROOT, Settings
from ops.team_files import TEAM_FILES

_STARTER = Path(__file__).parent / "starter"
_NOT_COPIED = (".git", ".venv", "build", "dist", "node_modules", "__pycache__", ".*_cache", "uv.lock", "test-results")
# Whose commit the first one is where there is no history, and the second one where git knows no user.
_POPDESK = ("-c", "user.name=Popdesk", "-c", "user.email=popdesk@localhost")
_WITH_HISTORY = "The commits of this repository begin with upstream's own."
_WITHOUT_HISTORY = (
    "It was made from a copy without git's history: take a new version as its page says for such a repository."
)


def make_repository(target: Path, name: str, namespace: str, checkout: Path = ROOT) -> list[str]:
    """Make the repository at `target`, which may not exist or is an empty folder; return notes on how it was made.

    Raises UserError for a target that is something else, for a name that Amazon Connect does not take, and without git.
    """
    target = target.absolute()
    _check(target, name, namespace, checkout)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.new")
    with map_os_errors(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.mkdir()
            _git(beside, "init", "-q")
            _git(beside, "symbolic-ref", "HEAD", "refs/heads/main")
            notes = _take_upstream(beside, checkout)
            _write_own(beside, name, namespace, _WITHOUT_HISTORY if notes[0] == _WITHOUT_HISTORY else _WITH_HISTORY)
            _commit(beside, f"{name}: files of our own")
            # A merge keeps the team's README and files: .gitattributes names this driver (docs/upgrading.md).
            _git(beside, "config", "merge.ours.driver", "true")
            if target.exists():
                target.rmdir()  # it is empty
            beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return notes


def namespace_of(name: str) -> str:
    """Return a namespace for the name: "Acme desk" -> "acme-desk"."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _check(target: Path, name: str, namespace: str, checkout: Path) -> None:
    if shutil.which("git") is None:
        raise UserError("git", "it is not installed", "install git: the new repository needs it")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(str(target), "it exists and is not empty", "name a new folder", WRONG_SETTINGS)
    if target.resolve().is_relative_to(checkout.resolve()):
        raise UserError(
            str(target), "it is inside this checkout", "name a folder outside it, such as ../acme-desk", WRONG_SETTINGS
        )
    try:
        Settings(environment="", name=name, namespace=namespace)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        raise UserError(
            f"--{key} {name if key == 'name' else namespace!r}",
            "Amazon Connect does not accept it: use letters without accents, digits, and / . _ - (a name has spaces too)",
            "choose another one",
            WRONG_SETTINGS,
        ) from None


def _take_upstream(folder: Path, checkout: Path) -> list[str]:
    """Put upstream's commit into the repository, and its tag; return the notes, of which the first says whose history it is."""
    tag = f"popdesk-{version(checkout / 'pyproject.toml')}"
    if _toplevel(checkout) != checkout.resolve():
        ignore = shutil.ignore_patterns(*_NOT_COPIED)
        shutil.copytree(checkout, folder, ignore=ignore, dirs_exist_ok=True)
        _git(folder, "add", "-A")
        _git(folder, *_POPDESK, "commit", "-q", "--no-verify", "-m", tag.replace("popdesk-", "Popdesk "))
        _git(folder, "branch", "upstream")
        notes = [_WITHOUT_HISTORY]
    else:
        if _git(checkout, "rev-parse", "--is-shallow-repository") == "true":
            raise UserError(
                str(checkout),
                "it has only a part of the history, so later versions could not be merged",
                "run `git fetch --unshallow`",
            )
        taken = tag if _has_tag(checkout, tag) else "HEAD"
        _git(folder, "fetch", "-q", "--no-tags", str(checkout.resolve()), taken)
        _git(folder, "reset", "-q", "--hard", "FETCH_HEAD")
        notes = [_WITH_HISTORY]
        if changed := _git(checkout, "status", "--porcelain"):
            notes.append(f"What is not committed in {checkout} is not in it ({len(changed.splitlines())} files).")
    _git(folder, *_POPDESK, "tag", tag)
    return notes


def _write_own(folder: Path, name: str, namespace: str, origin: str) -> None:
    for source in sorted(path for path in _STARTER.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        path = source.relative_to(_STARTER)
        if path.as_posix() in ("__init__.py", "README.md"):
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    files = "\n".join(
        ["| File | What it is |", "| --- | --- |", *(f"| `{path}` | {what} |" for path, what in TEAM_FILES.items())]
    )
    text = (_STARTER / "README.md").read_text("utf-8")
    values = {"name": name, "files": files, "origin": origin}
    (folder / "README.md").write_text(text.format(**values), "utf-8")
    (folder / ".gitattributes").write_text(_attributes(), "utf-8")
    pyproject = folder / "pyproject.toml"
    above, table, own = pyproject.read_text("utf-8").partition("\n[tool.popdesk]\n")
    for key, value in (("name", name), ("namespace", namespace)):
        own, changes = re.subn(rf'(?m)^{key} = "[^"\n]*"', f'{key} = "{value}"', own, count=1)
        if not changes:
            raise UserError("pyproject.toml", f"[tool.popdesk] has no {key}", "restore it from version control")
    pyproject.write_text(above + table + own, "utf-8")


def _attributes() -> str:
    """Return the lines of .gitattributes by which a merge keeps the team's files as they are."""
    whole = [
        f"{path}**" if path.endswith("/") else path
        for path in TEAM_FILES
        if path != "pyproject.toml" and "NAME" not in path
    ]
    return "".join(f"{path} merge=ours\n" for path in ["README.md", *whole])


def _commit(folder: Path, message: str) -> None:
    known = subprocess.run(
        ["git", "var", "GIT_COMMITTER_IDENT"], cwd=folder, env=_environment(), capture_output=True, check=False
    )
    _git(folder, "add", "-A")
    _git(folder, *(() if known.returncode == 0 else _POPDESK), "commit", "-q", "--no-verify", "-m", message)


def _toplevel(checkout: Path) -> Path | None:
    try:
        return Path(_git(checkout, "rev-parse", "--show-toplevel")).resolve()
    except UserError:
        return None


def _has_tag(checkout: Path, tag: str) -> bool:
    return bool(_git(checkout, "tag", "--list", tag))


def _environment() -> dict[str, str]:
    """Return the environment without what points git to another repository, as where a hook runs this."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"}


def _git(folder: Path, *arguments: str) -> str:
    """Run git in the folder and return what it prints. Raises UserError with what it says where it fails."""
    own = ("-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", "-c", "advice.detachedHead=false")
    done = subprocess.run(
        ["git", *own, *arguments],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UserError("git", done.stderr.strip() or done.stdout.strip(), "fix that and run the command again")
    return done.stdout.strip()
