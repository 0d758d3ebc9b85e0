/** Python clients that use the original's protocol, with only the standard library. */
import { describe, expect, it } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { python } from "../../support/python.js";
import { serverOf, WIRES } from "./wires.js";

/** Each client makes one call on its own connection, as the original's does, and names errors alike. */
const CLIENTS = `
import http.client, json, socket, struct, sys, xmlrpc.client

class Refused(Exception):
    pass

NAMES = {404: "not found", 410: "expired", 403: "denied", 400: "invalid", 4001: "invalid",
         -32001: "not found", -32002: "expired", -32003: "denied", -32602: "invalid"}

class Http:
    def __init__(self, port): self.port = port
    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        payload = None if body is None else json.dumps(body).encode()
        connection.request(method, path, payload, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status >= 400: raise Refused(NAMES[answer.status])
        return said
    def seal(self, data, owner, view, ttl, granted):
        return self.ask("POST", "/handles", {"data": data, "owner_principal": owner, "safe_view": view,
                                             "ttl_seconds": ttl, "granted_principals": granted})
    def unseal(self, id, who):
        return self.ask("POST", f"/handles/{id}/unseal", {"requesting_principal": who})["data"]
    def get_safe_view(self, id): return self.ask("GET", f"/handles/{id}/safe_view")["safe_view"]
    def invalidate(self, id): return self.ask("DELETE", f"/handles/{id}")["ok"]

class XmlRpc:
    def __init__(self, port): self.url = f"http://127.0.0.1:{port}/RPC2"
    def ask(self, method, *params):
        try: return getattr(xmlrpc.client.ServerProxy(self.url, allow_none=True), method)(*params)
        except xmlrpc.client.Fault as fault: raise Refused(NAMES[fault.faultCode])
    def seal(self, *params): return self.ask("seal", *params)
    def unseal(self, *params): return self.ask("unseal", *params)
    def get_safe_view(self, id): return self.ask("get_safe_view", id)
    def invalidate(self, id): return self.ask("invalidate", id)

class JsonRpc:
    def __init__(self, port): self.port = port
    def ask(self, method, **params):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            body = json.dumps({"method": method, "params": params, "id": 1}).encode()
            connection.sendall(struct.pack(">I", len(body)) + body)
            answers = connection.makefile("rb")
            (length,) = struct.unpack(">I", answers.read(4))
            answer = json.loads(answers.read(length))
        assert answer["id"] == 1 and "jsonrpc" not in answer, answer
        if "error" in answer:
            assert set(answer["error"]) == {"code", "message"}, answer
            raise Refused(NAMES[answer["error"]["code"]])
        return answer["result"]
    def seal(self, data, owner, view, ttl, granted):
        return self.ask("seal", data=data, owner_principal=owner, safe_view=view, ttl_seconds=ttl,
                        granted_principals=granted)
    def unseal(self, id, who): return self.ask("unseal", handle_id=id, requesting_principal=who)
    def get_safe_view(self, id): return self.ask("get_safe_view", handle_id=id)
    def invalidate(self, id): return self.ask("invalidate", handle_id=id)

vault = {"http": Http, "xml-rpc": XmlRpc, "json-rpc": JsonRpc}[sys.argv[1]](int(sys.argv[2]))
def refusal(call, *params):
    try: return ["done", call(*params)]
    except Refused as refused: return str(refused)
`;

const STORY = `
payloads = [{"data": 1}, {"ok": True}, {"safe_view": "x"}, {"outcomes": []}, "\\u00e9\\U0001f600", "", 42,
            2.5, None, True, False, [], {}, [1, [None, {"a": []}]], {"result": None, "error": "x"}]
for data in payloads:
    handle = vault.seal(data, "alice", "a payload", 60, ["bob"])
    assert sorted(handle) == ["created_at", "expires_at", "granted_principals", "id", "owner_principal", "safe_view"]
    for who in ["alice", "bob", "alice"]:
        opened = vault.unseal(handle["id"], who)
        assert opened == data and type(opened) is type(data), (opened, data)
    assert vault.get_safe_view(handle["id"]) == "a payload"
expired = vault.seal("x", "alice", "", 0, [])["id"]
out = [refusal(vault.unseal, handle["id"], "eve"),
       refusal(vault.unseal, expired, "alice"), refusal(vault.get_safe_view, expired),
       refusal(vault.seal, "x", "", "v", 60, [])]
out += [vault.invalidate(handle["id"]), vault.invalidate(handle["id"])]
out += [refusal(vault.unseal, handle["id"], "bob"), refusal(vault.get_safe_view, handle["id"])]
print(json.dumps(out))
`;

describe.each(WIRES)("a client in Python that speaks %s as the original's do", (wire) => {
  it("gets every payload back unchanged, and gets the reason when it is refused", async () => {
    const { port } = await serverOf(wire, new HandleVault(), { auth: trustLocalCallers() });
    const told = JSON.parse(await python(CLIENTS + STORY, wire, String(port)));
    expect(told).toEqual([
      ...["denied", "expired", "expired", "invalid"],
      ...[true, true, "not found", "not found"],
    ]);
  });
});

describe("bytes over JSON-RPC", () => {
  it("are refused where nothing would mark them as bytes, and returned where a member does", async () => {
    const vault = new HandleVault();
    const options = { ownerPrincipal: "alice", safeView: "bytes" };
    const { id } = await vault.seal(Uint8Array.of(1, 2, 255), options);
    const { port } = await serverOf("json-rpc", vault, { auth: trustLocalCallers() });
    const ask = `print(json.dumps(refusal(vault.unseal, "${id}", "alice")))`;
    expect(JSON.parse(await python(CLIENTS + ask, "json-rpc", String(port)))).toBe("invalid");
    const http = await serverOf("http", vault, { auth: trustLocalCallers() });
    const told = JSON.parse(await python(CLIENTS + ask, "http", String(http.port)));
    expect(told).toEqual(["done", "AQL/"]);
  });
});
