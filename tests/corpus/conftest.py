"""A public address on this machine, for corpora that are downloaded."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves its `content` (path -> bytes) and remembers what it was asked for; the cache is a fresh folder."""
    monkeypatch.setenv("SEQ2SEQ_PL_CACHE", str(tmp_path / "cache"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            found = self.server.content.get(self.path)
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.asked = {}, []
        server.address = f"http://127.0.0.1:{server.server_port}/data"
        server.cache = tmp_path / "cache"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
