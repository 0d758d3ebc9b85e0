"""A vault as the original serves it: HTTP, XML-RPC and frames of JSON, all principals as requests name them.

Prints the ports as one line of JSON and serves until its standard input ends. Standard library only.
"""
import json
import socketserver
import struct
import sys
import threading
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xmlrpc.client import Fault
from xmlrpc.server import SimpleXMLRPCServer

HERE = ("127.0.0.1", 0)
NOT_FOUND, EXPIRED, DENIED = range(3)
STATUS = {NOT_FOUND: 404, EXPIRED: 410, DENIED: 403}
RPC_CODE = {NOT_FOUND: -32001, EXPIRED: -32002, DENIED: -32003}


class Refused(Exception):
    def __init__(self, why):
        super().__init__(f"the vault refuses: {why}")
        self.why = why


class Vault:
    def __init__(self):
        self.records = {}

    def seal(self, data, owner_principal, safe_view, ttl_seconds=300, granted_principals=()):
        now = datetime.now(timezone.utc)
        handle = {
            "id": f"hdl_{uuid.uuid4().hex}",
            "safe_view": safe_view,
            "owner_principal": owner_principal,
            "created_at": now.isoformat(),
            "expires_at": (now + timedelta(seconds=ttl_seconds)).isoformat(),
        }
        self.records[handle["id"]] = (handle, data, list(granted_principals))
        return handle

    def live(self, handle_id):
        if handle_id not in self.records:
            raise Refused(NOT_FOUND)
        record = self.records[handle_id]
        if datetime.now(timezone.utc) >= datetime.fromisoformat(record[0]["expires_at"]):
            raise Refused(EXPIRED)
        return record

    def unseal(self, handle_id, requesting_principal):
        handle, data, granted = self.live(handle_id)
        if requesting_principal not in [handle["owner_principal"], *granted]:
            raise Refused(DENIED)
        return data

    def get_safe_view(self, handle_id):
        return self.live(handle_id)[0]["safe_view"]

    def invalidate(self, handle_id):
        self.records.pop(handle_id, None)
        return True


vault = Vault()


class HttpHandler(BaseHTTPRequestHandler):
    def answer(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def route(self):
        match [self.command, *self.path.strip("/").split("/")]:
            case ["POST", "handles"]:
                body = self.body()
                names = ("data", "owner_principal", "safe_view", "ttl_seconds", "granted_principals")
                return 201, vault.seal(**{name: body[name] for name in names if name in body})
            case ["POST", "handles", handle_id, "unseal"]:
                return 200, {"data": vault.unseal(handle_id, self.body()["requesting_principal"])}
            case ["GET", "handles", handle_id, "safe_view"]:
                return 200, {"safe_view": vault.get_safe_view(handle_id)}
            case ["DELETE", "handles", handle_id]:
                return 200, {"ok": vault.invalidate(handle_id)}
        return 404, {"error": "not found"}

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def handle_any(self):
        try:
            status, body = self.route()
        except Refused as error:
            status, body = STATUS[error.why], {"error": str(error)}
        except Exception as error:
            status, body = 400, {"error": repr(error)}
        self.answer(status, body)

    do_GET = do_POST = do_DELETE = handle_any

    def log_message(self, *_):
        pass


def with_faults(method):
    def call(*params):
        try:
            return method(*params)
        except Refused as error:
            raise Fault(STATUS[error.why], str(error)) from None

    return call


class FrameHandler(socketserver.BaseRequestHandler):
    """Several requests a connection; what is no JSON ends it."""

    def handle(self):
        while (head := self.read(4)) is not None:
            request = json.loads(self.read(struct.unpack(">I", head)[0]))
            answer = json.dumps({**self.answer(request), "id": request.get("id")}).encode()
            self.request.sendall(struct.pack(">I", len(answer)) + answer)

    def read(self, length):
        data = b""
        while len(data) < length:
            part = self.request.recv(min(length - len(data), 65536))
            if not part:
                return None
            data += part
        return data

    def answer(self, request):
        try:
            return {"result": self.perform(request["method"], dict(request["params"]))}
        except Refused as error:
            return {"error": {"code": RPC_CODE[error.why], "message": str(error)}}
        except Exception as error:
            return {"error": {"code": -32600, "message": repr(error)}}

    def perform(self, method, params):
        result = {
            "seal": vault.seal,
            "unseal": vault.unseal,
            "get_safe_view": vault.get_safe_view,
            "invalidate": vault.invalidate,
        }[method](**params)
        wrapping = {"unseal": "data", "get_safe_view": "safe_view", "invalidate": "ok"}.get(method)
        return result if wrapping is None else {wrapping: result}


class FrameServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def xml_rpc_server():
    server = SimpleXMLRPCServer(HERE, allow_none=True, logRequests=False, use_builtin_types=True)
    for method in (vault.seal, vault.unseal, vault.get_safe_view, vault.invalidate):
        server.register_function(with_faults(method), method.__name__)
    return server


servers = {
    "http": ThreadingHTTPServer(HERE, HttpHandler),
    "xml-rpc": xml_rpc_server(),
    "json-rpc": FrameServer(HERE, FrameHandler),
}
for each in servers.values():
    threading.Thread(target=each.serve_forever, daemon=True).start()
print(json.dumps({name: each.server_address[1] for name, each in servers.items()}), flush=True)
sys.stdin.read()
