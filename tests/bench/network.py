"""A web server like the production one, and a network between it and the browser that can be slow on purpose.

    with Site(files, headers, Network(rate_mbit=20, round_trip_ms=40), Certificate()) as site:
        site.url            # https://localhost:PORT/
        site.report()       # what the page posted (tests/bench/instrument.py), and the bytes that went to it, TLS included

HTTP/2 over TLS, brotli, immutable caching of assets, as CloudFront serves them. The slowness is made of bytes, not of
responses: a TCP relay that delays each direction by half the round trip and lets all connections share one rate, so
handshakes, requests and parallel downloads cost what they would.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import brotli
from hypercorn.asyncio import serve
from hypercorn.config import Config

from ops.rehearse.certificate import Certificate
from ops.site.headers import cache_control
from ops.site.media_types import media_type
from tests.bench.instrument import REPORT

_TEXT = {".html", ".js", ".mjs", ".css", ".svg", ".json", ".wasm", ".pack", ".txt"}


@dataclass(frozen=True)
class Network:
    """How slow the way is; `rate_mbit` 0 and `round_trip_ms` 0 mean as fast as the machine."""

    rate_mbit: float = 0.0
    round_trip_ms: float = 0.0


FAST = Network()


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return a folder's files by path, with `/`."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Site:
    """Serves `files` at https://localhost:PORT/ through `network`; a context manager."""

    def __init__(
        self, files: dict[str, bytes], headers: dict[str, str], network: Network, certificate: Certificate
    ) -> None:
        self._answers = {path: _Answer.of(path, content, headers) for path, content in files.items()}
        self._network = network
        self._certificate = certificate
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._bytes = 0
        self._reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.port = 0

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"https://localhost:{self.port}/"

    def report(self, seconds: float = 30.0) -> dict[str, Any]:
        """Wait for what the page posts next: its values, and as `bytes` what went to the browser since the last report.

        Raises RuntimeError when nothing comes within `seconds`.
        """
        try:
            return self._reports.get(timeout=seconds)
        except queue.Empty:
            raise RuntimeError(
                f"the page at {self.url} did not show what it was to show within {seconds:g} s"
            ) from None

    def __enter__(self) -> Site:
        self._thread.start()
        if not self._ready.wait(20):
            raise RuntimeError("the benchmark's server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        free = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        behind = free.sockets[0].getsockname()[1]
        free.close()
        await free.wait_closed()
        config = Config()
        config.bind = [f"127.0.0.1:{behind}"]
        config.certfile, config.keyfile = str(self._certificate.certificate), str(self._certificate.key)
        config.alpn_protocols = ["h2"]
        config.accesslog = config.errorlog = None
        config.graceful_timeout = 0.1
        config.keep_alive_timeout = 3600  # no round of a benchmark has a handshake that another has not
        server = asyncio.create_task(serve(cast(Any, self._app), config, shutdown_trigger=self._stop.wait))
        await _answers(behind)
        relay = await asyncio.start_server(self._relay(behind), "127.0.0.1", 0)
        self.port = relay.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        relay.close()
        await server

    async def _app(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        if (scope["method"], scope["path"]) == ("POST", REPORT):  # not what the page posts to the team's API
            await self._take(receive)
            answer = _TAKEN
        else:
            answer = self._answers.get(scope["path"].lstrip("/") or "index.html", _MISSING)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _take(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self._reports.put({**json.loads(body), "bytes": self._bytes})
        self._bytes = 0

    def _relay(self, behind: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        delay = self._network.round_trip_ms / 2000
        seconds_a_byte = 8 / (self._network.rate_mbit * 1e6) if self._network.rate_mbit else 0.0
        link = [0.0]  # when the shared link is free again

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, down: bool) -> None:
            waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

            async def deliver() -> None:
                while True:
                    due, chunk = await waiting.get()
                    if (left := due - self._loop.time()) > 0:
                        await asyncio.sleep(left)
                    if not chunk:
                        writer.close()
                        return
                    writer.write(chunk)
                    await writer.drain()

            delivering = asyncio.create_task(deliver())
            try:
                while True:
                    chunk = await reader.read(8192)
                    due = self._loop.time()
                    if down:
                        self._bytes += len(chunk)
                        link[0] = due = max(due, link[0]) + len(chunk) * seconds_a_byte
                    waiting.put_nowait((due + delay, chunk))
                    if not chunk:
                        break
                await delivering
            except (ConnectionError, asyncio.CancelledError):
                delivering.cancel()
                writer.close()

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(2 * delay)  # TCP's handshake
            above, below = await asyncio.open_connection("127.0.0.1", behind)
            await asyncio.gather(pump(reader, below, down=False), pump(above, writer, down=True))

        return connect


async def _answers(port: int) -> None:
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise RuntimeError("the benchmark's server does not answer")


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, path: str, content: bytes, extra: dict[str, str]) -> _Answer:
        suffix = Path(path).suffix
        headers = {
            **extra,
            "Content-Type": media_type(path),
            "Cache-Control": cache_control(path),
        }
        if suffix in _TEXT:
            content = brotli.compress(content, quality=11)
            headers["Content-Encoding"] = "br"
        headers["Content-Length"] = str(len(content))
        return cls(200, [(name.lower().encode(), value.encode()) for name, value in headers.items()], content)


_TAKEN = _Answer(204, [], b"")
_MISSING = _Answer(404, [(b"content-length", b"0")], b"")
