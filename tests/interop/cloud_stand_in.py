# SPDX-License-Identifier: Apache-2.0
"""A cloud that a forwarder sends to: keeps every request as it came, and answers as it is
told to, well or badly."""
import http.server
import json
import ssl
import struct
import socket
import threading
import time


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.at = time.monotonic()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self):
        return self.json["events"]

    @property
    def ids(self):
        return [event["event_id"] for event in self.events]


class Reply:
    """`after` seconds, the status line, headers and body; or `cut`: the connection ends
    in the middle."""

    def __init__(self, status=200, body=b"", headers=None, after=0, cut=False):
        self.status, self.headers, self.after, self.cut = status, headers or {}, after, cut
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


def accept(request, **changes):
    """What a good cloud says to a batch (cloud 1.4)."""
    counts = {"accepted": len(request.events), "duplicated": 0, "rejected": 0}
    return Reply(200, dict(counts, **changes))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        length = int(self.headers.get("content-length") or 0)
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        self.say(self.server.stand_in.take(request))

    do_GET = do_POST = handle_one

    def say(self, reply):
        time.sleep(reply.after)
        if reply.cut:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json",
                            "content-length": len(reply.body), **reply.headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that left is no news."""


class StandIn:
    def __init__(self, host, port, certificate=None, key=None):
        self.requests, self.judge = [], accept
        self.tell = lambda request: Reply(200, {"ok": True, "service": "stand-in"})
        self.lock = threading.Lock()
        self.server = Server((host, port), Handler)
        self.server.stand_in = self
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        host, port = self.server.server_address[:2]
        return f"{self.scheme}://{host}:{port}"

    def take(self, request):
        with self.lock:
            self.requests.append(request)
            if request.method == "GET":
                return self.tell(request)
            return self.judge(request)

    def batches(self):
        return [request for request in self.requests if request.method == "POST"]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
