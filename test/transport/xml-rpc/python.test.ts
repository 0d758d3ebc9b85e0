import { describe, expect, it } from "vitest";
import { tokenAuth } from "../../../src/auth/token.js";
import { python } from "../../support/python.js";
import { GRANTEE, OWNER, STRANGER } from "../../support/vault.js";
import { served } from "./scene.js";

const TOKEN = "t".repeat(43);

describe("Python's own xmlrpc.client", () => {
  it("does the same with the server as the original's client", async () => {
    const { port } = await served();
    const output = await python(`
import json, xmlrpc.client
vault = xmlrpc.client.ServerProxy("http://localhost:${port}", allow_none=True)
data = {"n": [1, -2.5, None, True, "\\u00e9\\U0001f600 <&>"], "empty": {}, "big": 2**31 - 1}
handle = vault.seal(data, "${OWNER}", "view <&>", 60, ["${GRANTEE}"])
assert vault.unseal(handle["id"], "${OWNER}") == data
assert vault.vault.unseal(handle["id"], "${GRANTEE}") == data
assert vault.get_safe_view(handle["id"]) == "view <&>"
faults = []
def fault(call, *args):
    try: call(*args); faults.append(None)
    except xmlrpc.client.Fault as error: faults.append(error.faultCode)
fault(vault.unseal, handle["id"], "${STRANGER}")
expired = vault.seal("x", "${OWNER}", "v", 0, [])
fault(vault.unseal, expired["id"], "${OWNER}")
assert vault.invalidate(handle["id"]) is True
assert vault.invalidate(handle["id"]) is True
fault(vault.unseal, handle["id"], "${OWNER}")
fault(vault.seal, xmlrpc.client.DateTime(0), "${OWNER}", "v", 60, [])
fault(vault.nothing)
blob = vault.seal(xmlrpc.client.Binary(bytes(range(256)) * 40), "${OWNER}", "v")
assert vault.unseal(blob["id"], "${OWNER}").data == bytes(range(256)) * 40
text = vault.seal("a\\tb\\nc", "${OWNER}", "v", None, None)
assert vault.unseal(text["id"], "${OWNER}") == "a\\tb\\nc"
assert "unseal_many" in vault.system.listMethods()
assert "requesting_principal" in vault.system.methodHelp("unseal")
many = vault.unseal_many([{"id": text["id"], "requesting_principal": "${OWNER}"}, {"id": "x", "requesting_principal": "${OWNER}"}])
assert many[0] == {"ok": True, "value": {"data": "a\\tb\\nc"}}, many
assert many[1]["error"]["code"] == "ERR_VAULT_HANDLE_NOT_FOUND", many
print(json.dumps({"faults": faults, "members": sorted(handle)}))
`);
    expect(JSON.parse(output)).toEqual({
      faults: [403, 410, 404, 400, 400],
      members: [
        ...["created_at", "expires_at", "granted_principals", "id", "owner_principal", "safe_view"],
      ],
    });
  });

  it("reads values that only our writer can write: large integers, all doubles, carriage returns", async () => {
    const { vault, port } = await served();
    const data = [2 ** 31, -(2 ** 53 - 1), 5e-324, 1.7976931348623157e308, 0.1, "\r\n"];
    const { id } = await vault.seal(data, { ownerPrincipal: OWNER, safeView: "v" });
    const output = await python(`
import json, xmlrpc.client
vault = xmlrpc.client.ServerProxy("http://127.0.0.1:${port}/RPC2", allow_none=True)
print(json.dumps(vault.unseal("${id}", "${OWNER}")))
`);
    expect(JSON.parse(output)).toEqual(data);
  });

  it("shows a bearer token, and is refused without one", async () => {
    const auth = tokenAuth({ tokens: [{ token: TOKEN, principal: OWNER }] });
    const { port } = await served({ auth });
    const output = await python(`
import xmlrpc.client
known = xmlrpc.client.ServerProxy("http://localhost:${port}", allow_none=True, headers=[("Authorization", "Bearer ${TOKEN}")])
handle = known.seal({"a": 1}, None, "view")
assert known.unseal(handle["id"]) == {"a": 1}
try: known.unseal(handle["id"], "${GRANTEE}")
except xmlrpc.client.Fault as error: print(error.faultCode)
try: xmlrpc.client.ServerProxy("http://localhost:${port}").unseal(handle["id"], "${OWNER}")
except xmlrpc.client.ProtocolError as error: print(error.errcode)
`);
    expect(output.split("\n")).toEqual(["4031", "401"]);
  });
});
