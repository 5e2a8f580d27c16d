"""Packages of an adapter: wheels for the Lambda's platform in the zip, for this machine's in preview, each one pinned."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.settings import PYPROJECT, Settings, load_settings
from ops.site import lambda_packages as module
from ops.site.lambda_packages import lambda_packages
from ops.site.lambda_zip import LAMBDA_RUNTIME, make_lambda_zip

pytestmark = pytest.mark.slow
HERE = f"python3.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of wheels that stands in for the registry, and keep what is fetched in a cache of the test's own."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    return folder


def _wheel(folder: Path, name: str, files: dict[str, str], tag: str = "py3-none-any", needs: str = "") -> None:
    """Write a wheel of version 1.0 (packaging.python.org/specifications/binary-distribution-format)."""
    info = f"{name}-1.0.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)


def _with_packages(*packages: str) -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"lookup": settings.lookup.model_copy(update={"packages": packages})})


def test_a_package_is_in_the_zip_compiled_and_can_be_imported(index: Path, tmp_path: Path) -> None:
    _wheel(index, "directory", {"directory/__init__.py": "VALUE = 7\n", "directory/template.py": "{{ no python }}\n"})
    first, second = (make_lambda_zip(_with_packages("directory==1.0"), HERE) for _ in range(2))
    assert first == second
    (tmp_path / "lambda.zip").write_bytes(first)
    with zipfile.ZipFile(tmp_path / "lambda.zip") as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "task")
    assert {"directory/__init__.py", "directory/template.py", "directory-1.0.dist-info/METADATA", "handler.py"} <= names
    assert f"directory/__pycache__/__init__.{sys.implementation.cache_tag}.pyc" in names
    assert not [name for name in names if name.endswith(("RECORD", "INSTALLER")) or "template.cpython" in name]
    code = "import sys; sys.path.insert(0, sys.argv[1]); import directory; print(directory.VALUE)"
    run = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "task")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "7\n"


def test_the_wheel_is_the_platforms_own(index: Path) -> None:
    here = f"cp3{sys.version_info.minor}-cp3{sys.version_info.minor}-manylinux_2_17_x86_64"
    for tag, machine in {"cp313-cp313-manylinux_2_17_aarch64": "lambda", here: "here"}.items():
        _wheel(index, "native", {"native.py": f'MACHINE = "{machine}"\n'}, tag)
    assert b'"lambda"' in lambda_packages(("native==1.0",), LAMBDA_RUNTIME)["native.py"]
    if sys.platform == "linux" and "x86_64" in subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout:
        assert b'"here"' in lambda_packages(("native==1.0",), "")["native.py"]


def test_a_package_without_a_wheel_for_lambda_is_refused(index: Path) -> None:
    _wheel(index, "elsewhere", {"elsewhere.py": ""}, "cp313-cp313-win_amd64")
    with pytest.raises(UserError) as raised:
        lambda_packages(("elsewhere==1.0",), LAMBDA_RUNTIME)
    assert raised.value.subject == "lookup.packages"
    assert "elsewhere" in raised.value.reason
    assert "wheels for that platform" in raised.value.hint


def test_a_package_that_is_needed_and_not_named_is_told_with_the_whole_line(index: Path) -> None:
    _wheel(index, "outer", {"outer.py": ""}, needs="Inner.Part")
    _wheel(index, "Inner_Part", {"inner.py": ""})
    with pytest.raises(UserError) as raised:
        lambda_packages(("outer==1.0",), LAMBDA_RUNTIME)
    assert "they need inner-part" in raised.value.reason
    assert 'packages = ["Inner_Part==1.0", "outer==1.0"]' in raised.value.hint
    assert set(lambda_packages(("outer==1.0", "inner.part==1.0"), LAMBDA_RUNTIME)) >= {"outer.py", "inner.py"}


def test_a_package_with_a_module_of_ours_is_refused(index: Path) -> None:
    _wheel(index, "clash", {"handler.py": ""})
    with pytest.raises(UserError, match=r"handler\.py too"):
        make_lambda_zip(_with_packages("clash==1.0"), HERE)


def test_what_was_fetched_once_is_not_asked_for_again(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _wheel(index, "directory", {"directory.py": ""})
    before = lambda_packages(("directory==1.0",), LAMBDA_RUNTIME)
    monkeypatch.setenv("UV", "/nowhere/uv")
    assert lambda_packages(("directory==1.0",), LAMBDA_RUNTIME) == before


def test_without_packages_uv_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "")
    assert lambda_packages((), LAMBDA_RUNTIME) == {}
    with pytest.raises(UserError, match="not installed"):
        lambda_packages(("directory==1.0",), LAMBDA_RUNTIME)


@pytest.mark.parametrize(
    "package", ["pymysql", "pymysql>=1", "git+https://example.com/x", "-r x", "a==1; x", "a ==1", ""]
)
def test_a_package_that_is_not_pinned_is_refused_by_the_settings(package: str, tmp_path: Path) -> None:
    text = PYPROJECT.read_text("utf-8").replace(
        "[tool.popdesk.lookup]", "[tool.popdesk.lookup]\npackages = " + json.dumps([package]) + " ", 1
    )
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    with pytest.raises(UserError, match=r"lookup\.packages\.0: .*name==1\.2\.3"):
        load_settings(tmp_path / "pyproject.toml")
