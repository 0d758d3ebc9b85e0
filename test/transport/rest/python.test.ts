import { expect, it } from "vitest";
import { trustLocalCallers } from "../../../src/auth/local.js";
import { python } from "../../support/python.js";
import { serve } from "./support.js";

/** Acts like the original's clients: principals in bodies, errors by status. */
const STORY = `
import json, sys, urllib.error, urllib.request
base = sys.argv[1]

def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method,
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)

status, handle = ask("POST", "/handles", {
    "data": {"n": [1, 2.5, None, "\\u00fc"]}, "owner_principal": "alice", "safe_view": "numbers",
    "ttl_seconds": 60, "granted_principals": ["bob"]})
path = "/handles/" + handle["id"]
def unseal(who): return ask("POST", path + "/unseal", {"requesting_principal": who})
out = [status, handle["owner_principal"], unseal("bob"), unseal("eve")[0]]
out += [ask("GET", path + "/safe_view"), ask("DELETE", path), ask("DELETE", path), unseal("bob")[0]]
expired = ask("POST", "/handles", {"data": 1, "owner_principal": "a", "safe_view": "", "ttl_seconds": 0})[1]
out += [ask("POST", "/handles/" + expired["id"] + "/unseal", {"requesting_principal": "a"})[0]]
out += [ask("POST", "/handles", {"data": 1})[0], ask("GET", "/nowhere")[0]]
print(json.dumps(out))
`;

it("Python's urllib seals, unseals, reads safe views and invalidates, as the original's clients do", async () => {
  const { address } = await serve({ auth: trustLocalCallers() });
  const url = `http://127.0.0.1:${address.port}`;
  const ok = [200, { ok: true }];
  expect(JSON.parse(await python(STORY, url))).toEqual([
    ...[201, "alice", [200, { data: { n: [1, 2.5, null, "ü"] } }], 403],
    ...[[200, { safe_view: "numbers" }], ok, ok, 404, 410, 400, 404],
  ]);
}, 30_000);
