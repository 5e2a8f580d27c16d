"""The local Lambda: only what is in the zip, Lambda's own surroundings, its time limit, and whatever a handler does."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ops.errors import UserError
from ops.preview.local_lambda import LocalLambda

pytestmark = pytest.mark.slow

Make = Callable[..., LocalLambda]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes a LocalLambda of a handler's source; all are closed at the end."""
    made: list[LocalLambda] = []

    def make_one(source: str, log: Callable[[str], None] = lambda _: None, **files: str) -> LocalLambda:
        package = tmp_path / f"{len(made)}.zip"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("handler.py", source)
            for name, content in files.items():
                archive.writestr(name, content)
        made.append(LocalLambda(package, "handler.handler", log))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


def test_it_answers_with_what_the_handler_returns_and_stays_warm(make: Make) -> None:
    function = make(
        "calls = []\ndef handler(event, context):\n    calls.append(event)\n    return {'n': str(len(calls))}\n"
    )
    assert function.invoke({}, 5).value == {"n": "1"}
    assert function.invoke({"Name": "Zoë"}, 5).value == {"n": "2"}


def test_the_handler_has_a_context_its_folder_and_nothing_of_the_developers(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for the Lambda")
    source = """
import os, sys
def handler(event, context):
    return {
        "left": context.get_remaining_time_in_millis(), "id": context.aws_request_id,
        "file": open("data.txt", encoding="utf-8").read(), "secret": os.environ.get("AWS_SECRET_ACCESS_KEY"),
        "packages": [path for path in sys.path if path.endswith("site-packages")],
    }
"""
    value: Any = make(source, **{"data.txt": "beside the handler"}).invoke({}, 5).value
    assert 4000 < value["left"] <= 5000
    assert len(value["id"]) == 36
    assert (value["file"], value["secret"], value["packages"]) == ("beside the handler", None, [])


def test_a_module_that_is_not_in_the_zip_is_told(make: Make) -> None:
    function = make("import phonenumbers\ndef handler(event, context): return {}\n")
    with pytest.raises(UserError, match=r"cannot be loaded from the zip: .*No module named 'phonenumbers'"):
        function.start()
    answer = function.invoke({}, 5)
    assert "No module named 'phonenumbers'" in answer.error


def test_what_keeps_it_from_loading_is_told_with_the_projects_own_line(tmp_path: Path) -> None:
    """The zip has a module of the project's, as lambda/api/routes.py, in which something raises as it is imported."""
    package = tmp_path / "api.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("routes.py", "import json\n\njson.loads('no json')\n")
        archive.writestr("handler.py", "import routes\n")
    with LocalLambda(package, "handler.handler", python="lambda/api/") as function, pytest.raises(UserError) as caught:
        function.start()
    assert caught.value.subject == "lambda/api/routes.py:3"
    assert "JSONDecodeError" in caught.value.reason
    assert "popdesk-lambda-" not in str(caught.value)


def test_a_module_that_is_missing_in_a_call_is_named(make: Make) -> None:
    answer = make("def handler(event, context):\n    import requests\n").invoke({}, 5)
    assert answer.error == "the Lambda raised ModuleNotFoundError (requests) at handler.py:2"


def test_boto3_is_there_as_in_lambdas_runtime(make: Make) -> None:
    source = "import boto3\ndef handler(event, context):\n    return {'boto3': boto3.__name__}\n"
    assert make(source).invoke({}, 20).value == {"boto3": "boto3"}


def test_renewed_credentials_start_it_anew_and_a_reason_not_to_is_told(make: Make, tmp_path: Path) -> None:
    source = "import os\ncalls = []\ndef handler(event, context):\n    calls.append(1)\n"
    source += "    return {'key': os.environ['AWS_ACCESS_KEY_ID'], 'n': len(calls)}\n"
    make(source)
    given = {"AWS_ACCESS_KEY_ID": "old"}

    def environment() -> dict[str, str]:
        if not given:
            raise UserError("AWS credentials", "they have expired", "log in")
        return dict(given)

    with LocalLambda(tmp_path / "0.zip", "handler.handler", environment=environment) as function:
        assert [function.invoke({}, 20).value for _ in range(2)] == [{"key": "old", "n": 1}, {"key": "old", "n": 2}]
        given["AWS_ACCESS_KEY_ID"] = "new"
        assert function.invoke({}, 20).value == {"key": "new", "n": 1}
        given.clear()
        assert function.invoke({}, 20).error == "they have expired"


def test_a_call_that_runs_over_its_time_is_ended_and_the_next_one_is_answered(make: Make) -> None:
    function = make("import time\ndef handler(event, context):\n    time.sleep(event['s'])\n    return {}\n")
    function.start()
    late = function.invoke({"s": 60}, 0.3)
    assert (late.error, late.again) == ("the Lambda did not answer within 0.3 s", False)
    assert function.invoke({"s": 0}, 5).value == {}


def test_an_exception_is_named_with_its_place_and_without_its_words(make: Make) -> None:
    answer = make("def handler(event, context):\n    raise ValueError('+12065550100')\n").invoke({}, 5)
    assert answer.error == "the Lambda raised ValueError at handler.py:2"
    assert answer.again


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("import os; os._exit(3)", "the Lambda's process ended"),
        ("raise SystemExit", "the Lambda's process ended"),
        ("return {1, 2}", "the Lambda raised TypeError"),
        ("return object()", "the Lambda raised TypeError"),
    ],
)
def test_a_handler_that_ends_or_answers_no_json_is_an_error_and_it_can_be_asked_again(
    make: Make, body: str, error: str
) -> None:
    function = make(f"def handler(event, context):\n    if event: return {{}}\n    {body}\n")
    answer = function.invoke({}, 5)
    assert answer.error.startswith(error)
    assert answer.again
    assert function.invoke({"now": "well"}, 5).value == {}


def test_what_the_handler_prints_is_logged_and_is_no_answer(make: Make) -> None:
    lines: list[str] = []
    source = (
        "import os\ndef handler(event, context):\n"
        "    print('printed')\n    os.write(1, b'written\\n')\n    return {'a': 'b'}\n"
    )
    function = make(source, lines.append)
    assert function.invoke({}, 5).value == {"a": "b"}
    assert function.invoke({}, 5).value == {"a": "b"}
    function.close()
    assert sorted(lines) == ["printed", "printed", "written", "written"]


def test_closed_now_it_does_not_wait_for_the_call_that_is_under_way(make: Make) -> None:
    begun = threading.Event()
    function = make(
        "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(600)\n", lambda _: begun.set()
    )
    with ThreadPoolExecutor() as pool:
        call = pool.submit(function.invoke, {}, 500)
        assert begun.wait(30)
        function.close(now=True)
        assert call.result(30).error == "the Lambda's process ended"
    assert not function.invoke({}, 5).again


def test_closed_it_leaves_nothing_behind(make: Make) -> None:
    function = make("import os\ndef handler(event, context): return {'folder': os.getcwd(), 'pid': str(os.getpid())}\n")
    value: Any = function.invoke({}, 5).value
    assert Path(value["folder"]).is_dir()
    function.close()
    assert not Path(value["folder"]).exists()
    assert not Path(f"/proc/{value['pid']}").exists()
