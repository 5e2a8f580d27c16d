"""The API's zip: the same bytes each time, all that is needed and no more, for Lambda's platform and for this machine's."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from importlib.metadata import requires, version
from pathlib import Path

import pytest

from ops import API
from ops.errors import UserError
from ops.function_settings import FunctionSettings
from ops.settings import Settings, load_settings
from ops.site import api_zip
from ops.site.api_zip import _PACKAGES, make_api_zip

pytestmark = pytest.mark.slow


def _files(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a copy of lambda/api, to be edited, of which the zip is made."""
    made = tmp_path / "api"
    shutil.copytree(API, made, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(api_zip, "API", made)
    return made


@pytest.fixture(scope="module")
def local() -> dict[str, bytes]:
    return _files(make_api_zip(load_settings(), local=True))


def test_it_has_the_handler_the_routes_and_one_adapter(local: dict[str, bytes]) -> None:
    assert {"popdesk_api/handler.py", "routes.py", "rotate_token_key.py", "settings.json", "page_urls.py"} <= set(local)
    adapters = {name for name in local if name.startswith("cases_adapters/") and "__pycache__" not in name}
    assert adapters == {"cases_adapters/__init__.py", "cases_adapters/sample.py", "cases_adapters/sample.json"}
    assert "handler.py" not in local  # the look-up's
    assert json.loads(local["settings.json"])["cases"] == "sample"
    assert not [name for name in local if "/.." in name or name.startswith(("..", "bin/"))]


def test_it_has_the_look_ups_adapter_and_its_settings(local: dict[str, bytes]) -> None:
    assert {"directory.py", "adapters/sample.py", "adapters/sample.json", "phonenumbers/phonenumberutil.py"} <= set(
        local
    )
    assert not {"adapters/dynamodb.py", "adapters/http.py"} & set(local)
    assert json.loads(local["settings.json"])["look_up"]["lookup"]["adapter"] == "sample"


def test_the_same_settings_are_the_same_bytes(local: dict[str, bytes]) -> None:
    assert _files(make_api_zip(load_settings(), local=True)) == local


def test_lambdas_has_the_wheels_of_its_platform_at_our_versions() -> None:
    files = _files(make_api_zip(load_settings()))
    assert [name for name in files if name.endswith(".so")] == [
        "pydantic_core/_pydantic_core.cpython-313-aarch64-linux-gnu.so"
    ]
    for name in ("aws-lambda-powertools", "pydantic", "pydantic-core", "PyJWT"):
        folder = f"{re.sub('-', '_', name).lower()}-{version(name)}.dist-info"
        assert any(path.lower().startswith(folder) for path in files)
    assert "boto3/__init__.py" not in files  # the runtime has it


def test_the_list_of_packages_is_complete() -> None:
    for name in _PACKAGES:
        for needed in requires(name) or ():
            if "extra ==" not in needed and "python_version <" not in needed:
                assert re.split(r"[^A-Za-z0-9_.-]", needed)[0].lower().replace("_", "-") in _PACKAGES, (
                    f"{name}: {needed}"
                )


def test_a_packages_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_zip, "lambda_packages", lambda *_: {"routes.py": b""})
    with pytest.raises(UserError, match=r"api\.packages"):
        make_api_zip(load_settings(), local=True)


def test_a_module_that_is_no_python_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cases_adapters").mkdir()
    (tmp_path / "cases_adapters" / "__init__.py").write_text("")
    (tmp_path / "cases_adapters" / "sample.py").write_text("")
    (tmp_path / "routes.py").write_text("x = = 1\n")
    monkeypatch.setattr(api_zip, "API", tmp_path)
    with pytest.raises(UserError, match=r"lambda/api/routes\.py: line 1"):
        make_api_zip(load_settings(), local=True)


def test_a_teams_packages_are_beside_ours() -> None:
    settings = load_settings()
    own = settings.api.model_copy(update={"packages": ("idna==3.20",)})
    assert isinstance(own, FunctionSettings)
    files = _files(make_api_zip(Settings(**{**dict(settings), "api": own}), local=True))
    assert "idna/__init__.py" in files
    assert "pydantic/__init__.py" in files


def test_an_import_that_the_function_has_not_is_named_with_its_line(copied: Path) -> None:
    (copied / "shipping.py").write_text('"""Ours."""\n\nimport yaml\n', "utf-8")
    (copied / "routes.py").write_text("import shipping\n", "utf-8")
    with pytest.raises(UserError, match=r"lambda/api/shipping\.py:3: it imports yaml.*api\.packages"):
        make_api_zip(load_settings(), local=True)


def test_every_name_that_our_own_modules_do_not_have_is_named_with_its_line(copied: Path) -> None:
    (copied / "routes.py").write_text(
        "from popdesk_api import app\nfrom popdesk_api.app import aksing, app\nfrom popdesk_api.problem import Problem\n",
        "utf-8",
    )
    adapter = copied / "cases_adapters" / "sample.py"
    adapter.write_text(
        adapter.read_text("utf-8") + "\n\ndef late() -> None:\n    from popdesk_api.cases import Cse\n", "utf-8"
    )
    line = len(adapter.read_text("utf-8").splitlines())
    with pytest.raises(UserError) as caught:
        make_api_zip(load_settings(), local=True)
    said = str(caught.value)
    assert "lambda/api/routes.py:2: popdesk_api.app has no aksing" in said
    assert "lambda/api/routes.py:3: there is no module popdesk_api.problem" in said
    assert "popdesk_api.problems" in said
    assert f"lambda/api/cases_adapters/sample.py:{line}: popdesk_api.cases has no Cse" in said
    assert "3 mistakes" in said


def test_a_name_of_a_route_that_is_not_defined_is_named_with_its_line_and_its_import(copied: Path) -> None:
    """A release would begin with it, and the route fail when an agent asks it."""
    (copied / "routes.py").write_text(
        "from __future__ import annotations\n\nfrom popdesk_api.app import app\n\n\n"
        '@app.get("/api/customers/<customer>/orders")\n'
        "def orders(customer: str, most: Any = 10) -> list[str]:\n"
        "    raise Problem(404, json.dumps([foo, asking()]))\n",
        "utf-8",
    )
    with pytest.raises(UserError) as caught:
        make_api_zip(load_settings(), local=True)
    assert caught.value.reason.replace("\n  ", "\n").splitlines() == [
        "lambda/api/routes.py:7: the name Any is not defined. Import it or give it a value first; is it spelt so?",
        "lambda/api/routes.py:8: the name Problem is not defined. Import it: `from popdesk_api.problems import Problem`",
        "lambda/api/routes.py:8: the name json is not defined. Import it: `import json`",
        "lambda/api/routes.py:8: the name foo is not defined. Import it or give it a value first; is it spelt so?",
        "lambda/api/routes.py:8: the name asking is not defined. Import it: `from popdesk_api.app import asking`",
    ]


def test_names_that_are_right_in_python_stop_no_zip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copied = tmp_path / "api"
    shutil.copytree(API, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "routes.py").write_text(
        "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\n"
        "from popdesk_api.app import app\n\n"
        "if TYPE_CHECKING:\n    from decimal import Decimal\n\n\n"
        "class Orders:\n"
        "    KIND = str\n    later: Later\n\n"
        "    def first(self, orders: list[Later], kind: KIND) -> 'Orders':\n        return __class__()\n\n\n"
        "class Later:\n    pass\n\n\n"
        "def _total(amounts: list[Decimal]) -> Decimal | None:\n"
        "    global _last\n    _last = sorted(each for each in amounts)\n"
        "    match amounts:\n        case [first, *_rest]:\n            return first\n"
        "    try:\n        return max(_last, key=lambda each: each)\n"
        "    except TimeoutError as error:\n        print(vars(error), ascii(1), format(1, ','), __name__)\n"
        "    return None\n",
        "utf-8",
    )
    monkeypatch.setattr(api_zip, "API", copied)
    assert "routes.py" in _files(make_api_zip(load_settings(), local=True))
