import { describe, expect, it, onTestFinished } from "vitest";
import { type ClientOptions, VaultClient } from "../../../src/client.js";

const TOKEN = "canary".repeat(7);

/** Creates each client for a host, with or without TLS. */
const CLIENTS = {
  http: (host: string, options: ClientOptions) => VaultClient.http(urlOf(host, options), options),
  "xml-rpc": (host: string, options: ClientOptions) =>
    VaultClient.xmlRpc(urlOf(host, options), options),
  "json-rpc": (host: string, options: ClientOptions) => VaultClient.jsonRpc({ host }, options),
} as const;

const BY_SOCKET = {
  http: (path: string) => VaultClient.http("http://vault.example.org", { path, token: TOKEN }),
  "xml-rpc": (path: string) =>
    VaultClient.xmlRpc("http://vault.example.org", { path, token: TOKEN }),
  "json-rpc": (path: string) => VaultClient.jsonRpc({ path }, { token: TOKEN }),
} as const;

function urlOf(host: string, { tls }: ClientOptions): string {
  return `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}`;
}

const OTHER_MACHINES = [
  "vault.example.org",
  "localhost.example.org",
  "127.0.0.1.example.org",
  "10.0.0.1",
  "0.0.0.0",
  "128.0.0.1",
  "2001:db8::1",
  "::ffff:10.0.0.1",
];
const THIS_MACHINE = ["localhost", "LOCALHOST", "127.0.0.1", "127.255.255.254", "::1"];

describe.each(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])(
  "a token of a %s client",
  (wire) => {
    const connect = (host: string, options: ClientOptions) => {
      const vault = CLIENTS[wire](host, options);
      onTestFinished(() => vault.close());
      return vault;
    };

    it.each(OTHER_MACHINES)("goes to %s with TLS only, or when its owner says so", (host) => {
      for (const token of [TOKEN, () => TOKEN, async () => TOKEN]) {
        for (const options of [{ token }, { token, insecureTransport: false }]) {
          expect(() => connect(host, options)).toThrow(TypeError);
          expect(() => connect(host, options)).toThrow(/^options\.token may leave this machine/);
          expect(() => connect(host, options)).not.toThrow(/canary|example|10\.0|2001/);
        }
        connect(host, { token, insecureTransport: true });
        connect(host, { token, tls: {} });
      }
      connect(host, {});
    });

    it.each(THIS_MACHINE)("goes to %s as it is", (host) => {
      connect(host, { token: TOKEN });
    });

    it("goes to a Unix socket as it is, whatever host the URL names", () => {
      const vault = BY_SOCKET[wire]("/run/vault.sock");
      onTestFinished(() => vault.close());
    });

    it("is a bearer token, and an error about one that is none does not repeat it", async () => {
      for (const token of ["canary\r\nX: y", "canary canary", "", "canärie", 5, {}]) {
        const options = { token } as never;
        expect(() => connect("localhost", options)).toThrow(
          /^options\.token must be a bearer token/,
        );
        const late = connect("localhost", { token: () => token as never });
        await expect(late.health()).rejects.toThrow(/^options\.token must be a bearer token/);
      }
    });

    it("is not let go by anything but true", () => {
      const options = { token: TOKEN, insecureTransport: "yes" } as never;
      expect(() => connect("vault.example.org", options)).toThrow(TypeError);
    });
  },
);
