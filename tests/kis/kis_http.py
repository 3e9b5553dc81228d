"""A small HTTP server on loopback that answers as a test says: ``answer(request) -> (status, object)``."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class HTTPServer:
    def __init__(self, answer):
        self.answer, self.requests, self.connections = answer, [], set()

    async def serve(self, reader, writer):
        self.connections.add(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")[:-2]
                method, target, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                place = urlsplit(target)
                query = dict(parse_qsl(place.query, keep_blank_values=True))
                request = Request(method, place.path, query, headers, body)
                self.requests.append(request)
                status, said, *more = self.answer(request)
                content = json.dumps(said, ensure_ascii=False).encode()
                extra = "".join(f"{name}: {value}\r\n" for name, value in (more[0] if more else {}).items())
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n{extra}\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def http_server(answer):
    server = HTTPServer(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        await asyncio.gather(*server.connections)  # each ends with its client
