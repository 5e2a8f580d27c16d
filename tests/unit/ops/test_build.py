"""The build: content-hashed, relative, the same bytes twice, self-hosted, and a failed one changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.settings import ROOT, Settings, load_settings
from ops.site.build import (
    Built,
    app_page,
    build_page,
    build_site,
    compile_module,
    design_tokens,
    make_page,
)
from ops.site.forms import read_pack
from ops.site.headers import PRODUCTION_ANCESTORS, content_security_policy, first_style
from ops.site.licences import licences
from ops.site.npm import WEB, install_packages
from tests.project import copy_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings()


@pytest.fixture(scope="module")
def built(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_site(settings, tmp_path_factory.mktemp("site") / "dist")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_files_are_those_it_names_with_those_hashes(built: Built) -> None:
    found = {path: hashlib.sha256(content).hexdigest() for path, content in _contents(built.folder).items()}
    assert found == built.files
    assert built.total_bytes == sum(len(content) for content in _contents(built.folder).values())


def test_everything_but_the_page_has_a_hash_in_its_path(built: Built) -> None:
    assert [path for path in built.files if not re.search(r"-[0-9a-f]{12}[./]", path)] == ["index.html"]


def test_a_second_build_gives_the_same_bytes(built: Built, settings: Settings, tmp_path: Path) -> None:
    assert _contents(build_site(settings, tmp_path / "again").folder) == _contents(built.folder)


def test_every_address_in_the_page_is_a_file_of_the_build(built: Built) -> None:
    page = (built.folder / "index.html").read_text("utf-8")
    addresses = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        if not address.startswith("data:"):
            assert re.sub(r"^\.?/", "", address) in built.files, address


def test_what_is_preloaded_is_asked_for_in_the_head(built: Built) -> None:
    """A link that the parser comes to after the script has run asks for its file a second time (ops/site/bundle.py, `tags`)."""
    head, _, body = (built.folder / "index.html").read_text("utf-8").partition("</head>")
    assert head.count('rel="preload"') == 2
    assert 'rel="preload"' not in body


def test_no_address_of_another_origin_is_in_the_page(built: Built) -> None:
    page = (built.folder / "index.html").read_text("utf-8")
    assert not re.search(r"""(href|src|action|version)=["'](?:https?:)?//""", page)


def test_the_licences_of_what_is_served_are_served_with_it(built: Built) -> None:
    (notices,) = [path for path in built.files if path.startswith("assets/licences-")]
    parts = (built.folder / notices).read_text("utf-8").split("\n\n" + "-" * 80 + "\n\n")
    of = {part.split(" ")[0]: part for part in parts}
    sdk = {f"@amazon-connect/{name}" for name in ("app", "contact", "core", "voice", "workspace-types")}
    isc = {"@ungap/with-resolvers", "codedent", "to-json-callback"}
    micropython = "@micropython/micropython-webassembly-pyscript"
    assert {*sdk, *isc, micropython, "@pyscript/core", "polyscript", "@cloudscape-design/design-tokens"} <= set(of)
    terms = {
        "MIT": "The above copyright notice and this permission notice shall be included",
        "ISC": "copyright notice and this permission notice appear in all copies",
        "APACHE-2.0": "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
    }
    for package, part in of.items():
        licence = part.split("(")[1].split(")")[0].upper()
        assert terms[licence] in " ".join(part.split()), package
        if licence in ("MIT", "ISC"):
            assert len(re.findall(r"(?im)^copyright\s+(?:\(c\)|©|\d)", part)) == 1, package
    assert "Copyright (c) 2013-2026 Damien P. George" in of[micropython]
    assert all("Andrea Giammarchi" in of[package] for package in isc)
    notice = "Copyright Amazon.com, Inc. or its affiliates. All Rights Reserved."
    assert notice in of["@cloudscape-design/design-tokens"]
    assert built.notes == ()  # no package's terms are unknown


def test_a_package_whose_terms_are_not_known_is_named(tmp_path: Path) -> None:
    for licence in ("MIT", "LicenseRef-ours"):
        (tmp_path / "unknown").mkdir(exist_ok=True)
        (tmp_path / "unknown" / "package.json").write_text(f'{{"version": "1.0.0", "license": "{licence}"}}', "utf-8")
        assert licences(tmp_path, ["unknown"]) == (f"unknown 1.0.0 ({licence})\n".encode(), ["unknown"])


def test_a_rebuild_removes_what_is_no_longer_needed(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "dist"
    before = build_site(settings, out)
    after = build_site(settings.model_copy(update={"request_timeout_ms": 1234}), out)
    assert set(before.files) != set(after.files)
    assert set(_contents(out)) == set(after.files)


@pytest.mark.parametrize(
    "left",
    [
        ("assets/app-0123456789ab.css", "assets/start-0123456789ab.js"),
        ("assets/.app-0123456789ab.css." + "0" * 32 + ".new",),
        ("assets/pyscript-0123456789ab/core.js", ".index.html." + "f" * 32 + ".new"),
    ],
)
def test_a_build_that_was_killed_before_it_had_a_page_is_finished(
    settings: Settings, built: Built, tmp_path: Path, left: tuple[str, ...]
) -> None:
    for path in left:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    build_site(settings, tmp_path)
    assert _contents(tmp_path) == _contents(built.folder)


def test_another_sites_page_and_assets_are_left_alone(settings: Settings, tmp_path: Path) -> None:
    """As another tool builds them: assets with a hash in their names, and a page that names them."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-4f3a2b1c.js").write_text("mine", "utf-8")
    (tmp_path / "index.html").write_text('<script src="./assets/index-4f3a2b1c.js"></script>', "utf-8")
    before = _contents(tmp_path)
    with pytest.raises(UserError, match="no earlier build"):
        build_site(settings, tmp_path)
    assert _contents(tmp_path) == before


def test_what_a_team_put_beside_the_page_stays(settings: Settings, tmp_path: Path) -> None:
    build_site(settings, tmp_path)
    (tmp_path / "robots.txt").write_text("mine", "utf-8")
    (tmp_path / "assets" / "logo.png").write_text("mine", "utf-8")
    build_site(settings.model_copy(update={"request_timeout_ms": 1234}), tmp_path)
    assert {"robots.txt", "assets/logo.png"} < _contents(tmp_path).keys()


@pytest.mark.thorough  # eight builds
def test_builds_at_once_into_one_folder_are_whole_builds(tmp_path: Path) -> None:
    """Six real commands with two settings: what stays is one build, and the zip is the same build's."""
    project = copy_project(tmp_path / "project")
    settings = project / "pyproject.toml"
    with settings.open("a", encoding="utf-8") as file:
        file.write("\n[tool.popdesk.environments.other]\nrequest_timeout_ms = 1234\nlookup.budget_ms = 1234\n")
    command = [sys.executable, "deploy.py", "build", "--out", "out"]
    expected = []
    for options in ([], ["--env", "other"]):
        subprocess.run([*command, *options], cwd=project, check=True, capture_output=True)
        expected.append((_contents(project / "out"), (project / "build" / "popdesk-lambda.zip").read_bytes()))
    assert expected[0] != expected[1]
    builds = [
        subprocess.Popen([*command, *(["--env", "other"] if number % 2 else [])], cwd=project, stderr=subprocess.PIPE)
        for number in range(6)
    ]
    said = [build.communicate()[1].decode() for build in builds]
    assert [build.returncode for build in builds] == [0] * 6, said
    assert (_contents(project / "out"), (project / "build" / "popdesk-lambda.zip").read_bytes()) in expected


def test_a_folder_with_something_else_in_it_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    with pytest.raises(UserError, match="no earlier build"):
        build_site(settings, tmp_path)
    assert _contents(tmp_path) == {"thesis.txt": b"mine"}


def test_python_that_micropython_cannot_compile_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    page = app_page(load_settings())
    python = tmp_path / "pyapp"
    shutil.copytree(page.python, python, ignore=shutil.ignore_patterns("__pycache__"))
    (python / "cards.py").write_text("match 1:\n    case 1:\n        pass\n", "utf-8")
    with pytest.raises(UserError) as caught:
        build_page(replace(page, python=python), tmp_path / "dist")
    assert caught.value.subject == "pyapp/cards.py:1"
    assert "`if` and `elif` instead of `match`" in caught.value.hint
    assert not (tmp_path / "dist").exists()


def test_another_languages_words_are_a_file_that_only_its_pages_fetch(tmp_path: Path) -> None:
    built = build_site(load_settings(), tmp_path / "dist")
    (spanish,) = [path for path in built.files if path.startswith("assets/words-es-")]
    assert json.loads((built.folder / spanish).read_bytes())["refresh"] == "Actualizar"
    (image,) = [path for path in built.files if path.endswith(".pack")]
    packed = read_pack((built.folder / image).read_bytes())
    assert "words/en.mpy" in packed
    assert "words/es.mpy" not in packed
    assert json.loads(packed["settings.json"])["words"] == {"es": f"./{spanish}"}


def test_an_unknown_design_token_is_named(tmp_path: Path) -> None:
    web = tmp_path / "web"
    shutil.copytree(WEB, web, ignore=shutil.ignore_patterns("node_modules", "workspace"))
    with (web / "app.css").open("a", encoding="utf-8") as sheet:
        sheet.write("p{color:var(--awsui-color-text-bodi)}")
    (note,) = build_page(replace(app_page(load_settings()), web=web), tmp_path / "dist").notes
    assert "app.css" in note
    assert "--awsui-color-text-bodi" in note


def test_every_module_of_the_pages_compiles_for_micropython() -> None:
    for folder in (Path("pyapp"), Path("web/workspace")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            assert compile_module(path, ROOT / folder)[:1] == b"M"


def test_the_first_frames_style_stands_in_the_html_and_the_policy_names_it(tmp_path: Path) -> None:
    html = (build_site(load_settings(), tmp_path / "dist").folder / "index.html").read_text("utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", html)
    named = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{named}';" in content_security_policy(PRODUCTION_ANCESTORS)
    assert html.index("</header>") < html.index('<link rel="stylesheet"') < html.index('<div id="rest">')


def test_the_first_frames_values_are_the_tokens() -> None:
    """They stand in first.css as they are, so that the policy's hash waits for no package."""
    sizes, _ = design_tokens("var(--awsui-font-size-body-m) var(--awsui-line-height-body-m)", install_packages())
    size, height = re.findall(r"-body-m:(\w+)", sizes)
    assert f"font: {size} / {height} sans-serif" in first_style()
    for name, colours in {
        "color-background-layout-main": "html { background: light-dark(",
        "color-text-status-inactive": "color: light-dark(",
    }.items():
        rule, _ = design_tokens(f"var(--awsui-{name})", install_packages())
        light, dark, _ = re.findall(rf"--awsui-{name}:(#\w+)", rule)
        assert f"{colours}{light}, {dark})" in first_style()


def test_the_policy_allows_no_eval_and_no_inline_script() -> None:
    policy = content_security_policy(PRODUCTION_ANCESTORS)
    assert "'unsafe-eval'" not in policy
    assert "'unsafe-inline'" not in policy
    assert "frame-ancestors https://*.awsapps.com https://*.my.connect.aws" in policy


def test_a_teams_own_words_are_in_the_page_before_ours(tmp_path: Path) -> None:
    python = tmp_path / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    own = {
        "en": {"refresh": "Look <again>", "Agent name": "Colleague"},
        "es": {"refresh": "Otra vez"},
        "fr": {"refresh": "Encore"},
    }
    (python / "words" / "own.py").write_text(f'"""Ours."""\n\nWORDS = {own!r}\n', "utf-8")
    built = build_page(app_page(load_settings(), python), tmp_path / "dist")
    html = (built.folder / "index.html").read_text("utf-8")
    assert 'data-say="refresh">Look &lt;again&gt;</button>' in html
    assert "<dt>Colleague</dt>" in html
    assert "<dt>Agent name</dt>" not in html
    (image,) = [path for path in built.files if path.endswith(".pack")]
    packed = read_pack((built.folder / image).read_bytes())
    assert "words/own.mpy" not in packed
    settings = json.loads(packed["settings.json"])
    assert settings["own_words"] == own["en"]
    assert sorted(settings["words"]) == ["es", "fr"]
    files = {name: json.loads((built.folder / path).read_bytes()) for name, path in settings["words"].items()}
    assert files["fr"] == own["fr"]
    assert files["es"]["refresh"] == "Otra vez"
    assert len(files["es"]) > 50
    assert built.notes == ()


@pytest.mark.parametrize(
    ("api", "carried"),
    [({}, set()), ({"enabled": True}, {"choose"}), ({"enabled": True, "auth": "oidc"}, {"choose", "sign-in"})],
    ids=["no API", "contact", "oidc"],
)
def test_a_page_carries_the_sign_in_and_the_choice_only_where_they_are_used(
    tmp_path: Path, api: dict[str, object], carried: set[str]
) -> None:
    python = tmp_path / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    (python / "actions.py").write_text('"""None."""\n', "utf-8")
    card = "from popdesk import card\n\n\n@card('Cases', later=True)\nasync def cases(desk):\n"
    ask = "    return str(await desk.api.get('customers/{id}/cases', id=await desk.customer.id()))\n"
    (python / "cards.py").write_text(card + (ask if api else "    return 'none'\n"), "utf-8")
    settings = load_settings()
    page = app_page(settings.model_copy(update={"api": settings.api.model_copy(update=api)}), python)
    content = b"".join(make_page(page).contents.values())
    marks = {"choose": b"Choose another customer", "sign-in": b"code_challenge"}
    assert {name for name, mark in marks.items() if mark in content} == carried
    assert (b"popdesk-sign-in" in content) == ("sign-in" in carried)
