import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { connect } from "node:net";
import { afterEach } from "vitest";
import { type Authenticator, LOCAL_CALLER } from "../../../src/auth/authenticator.js";
import { HandleVault, type Vault } from "../../../src/index.js";
import {
  type HttpServerOptions,
  type RunningHttpServer,
  serveHttp,
} from "../../../src/transport/http.js";
import { GRANTEE, OWNER, STRANGER } from "../../support/vault.js";

/** Trusts the principal in the body, as `trustLocalCallers()` does. */
export const LOCAL: Authenticator = { localOnly: true, authenticate: () => LOCAL_CALLER };

const CALLERS: Readonly<Record<string, string>> = {
  owner: OWNER,
  grantee: GRANTEE,
  stranger: STRANGER,
};

/** Identifies callers by bearer tokens. */
export const TOKENS: Authenticator = {
  authenticate: ({ bearerToken }) => {
    const principal = CALLERS[bearerToken ?? ""];
    return principal === undefined ? undefined : { principal };
  },
};

const running: RunningHttpServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

/** Serves a vault until the test ends; on a free port by default. */
export async function serve(
  options: Partial<HttpServerOptions> = {},
  vault: Vault = new HandleVault(),
): Promise<RunningHttpServer> {
  const place = options.path === undefined ? { port: 0 } : {};
  const server = await serveHttp(vault, { auth: TOKENS, ...place, ...options });
  running.push(server);
  return server;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly body: Record<string, unknown>;
}

interface Asking extends RequestOptions {
  readonly json?: unknown;
  readonly text?: string | Buffer;
  readonly token?: string;
}

/** Sends one request on a new connection. */
export function ask(
  { address }: Pick<RunningHttpServer, "address">,
  target: string,
  { json, text, token, headers = {}, ...options }: Asking = {},
): Promise<Answer> {
  const [method, path] = target.split(" ");
  const body = json === undefined ? text : JSON.stringify(json);
  const place =
    address.path === undefined
      ? { host: address.host, port: address.port }
      : { socketPath: address.path };
  const all = {
    ...(body === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(headers as object),
  };
  return new Promise((resolve, reject) => {
    const sending = request({ ...place, agent: false, method, path, headers: all, ...options });
    sending.once("response", (incoming) => {
      let answer = "";
      incoming.setEncoding("utf8").on("data", (part: string) => {
        answer += part;
      });
      incoming.once("error", reject).once("end", () => {
        const { statusCode: status = 0, headers: answerHeaders } = incoming;
        resolve({ status, headers: answerHeaders, text: answer, body: bodyOf(answer) });
      });
    });
    sending.once("error", reject);
    sending.end(body);
  });
}

function bodyOf(text: string): Record<string, unknown> {
  return text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
}

/** Sends bytes unchanged, and returns all bytes received until the server closes the connection. */
export function sendRaw(
  { address }: Pick<RunningHttpServer, "address">,
  pieces: Iterable<string | Buffer>,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(address as { port: number; host: string });
    let answer = "";
    socket.setEncoding("latin1").on("data", (part: string) => {
      answer += part;
    });
    socket.on("error", () => undefined).once("close", () => resolve(answer));
    const iterator = pieces[Symbol.iterator]();
    const write = () => {
      const { done, value } = iterator.next();
      if (done === true || socket.destroyed) return;
      if (socket.write(value)) setImmediate(write);
      else socket.once("drain", write);
    };
    write();
  });
}

export const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;
