/**
 * The client of a vault in another process.
 *
 * @module
 */

import { LeakGuard } from "./leak-guard/leak-guard.js";
import type { ClientOptions } from "./transport/client/options.js";
import { RemoteVault } from "./transport/client/remote-vault.js";
import type { Transport } from "./transport/client/transport.js";
import type { HttpClientOptions } from "./transport/http/client/options.js";
import type { JsonRpcAddress } from "./transport/json-rpc/address.js";
import { type JsonRpcClientOptions, jsonRpcTransport } from "./transport/json-rpc/client.js";
import { httpTransport } from "./transport/rest/client.js";
import type { SealParams } from "./transport/service/messages.js";
import { xmlRpcTransport } from "./transport/xml-rpc/client.js";

export type { ClientOptions, ClientTlsOptions } from "./transport/client/options.js";
export type { HttpClientOptions } from "./transport/http/client/options.js";
export type { JsonRpcAddress } from "./transport/json-rpc/address.js";
export type { JsonRpcClientOptions } from "./transport/json-rpc/client.js";

/**
 * A `Vault` in another process, with the same methods and errors as one in this process. Further errors are:
 *
 * - `ServiceUnavailableError`: the service cannot be reached.
 * - `OutcomeUnknownError`: a call was sent, but no response arrived.
 * - `PeerMissingError` or `PeerBrokenError`: the package zod does not load. Nothing was sent.
 *
 * `close()` closes the connection; the vault itself stays open.
 *
 * @example
 * ```ts
 * const vault = VaultClient.http("https://vault.example.org:8421", { token: process.env.VAULT_TOKEN });
 * const handle = await vault.seal(record, { ownerPrincipal: "records", safeView: "a record" });
 * ```
 */
export class VaultClient extends RemoteVault {
  private constructor(transport: Transport) {
    super(transport);
  }

  /**
   * Returns a vault that `serveHttp` serves. Nothing is connected before the first call.
   *
   * @throws TypeError RangeError The URL or an option is wrong, or the token would travel unprotected.
   */
  static http(url: string | URL, options: HttpClientOptions = {}): VaultClient {
    return new VaultClient(withGuard(httpTransport(url, options), options));
  }

  /**
   * Returns a vault that `serveXmlRpc` serves. Nothing is connected before the first call.
   *
   * @throws TypeError RangeError The URL or an option is wrong, or the token would travel unprotected.
   */
  static xmlRpc(url: string | URL, options: HttpClientOptions = {}): VaultClient {
    return new VaultClient(withGuard(xmlRpcTransport(url, options), options));
  }

  /**
   * Returns a vault that `serveJsonRpc` serves, at a host and port or on a Unix socket. Nothing is
   * connected before the first call.
   *
   * @throws TypeError RangeError The address or an option is wrong, or the token would travel unprotected.
   */
  static jsonRpc(address: JsonRpcAddress, options: JsonRpcClientOptions = {}): VaultClient {
    return new VaultClient(withGuard(jsonRpcTransport(address, options), options));
  }

  /** The original's name of {@link VaultClient.xmlRpc}. */
  static rpc(url: string | URL, options: HttpClientOptions = {}): VaultClient {
    return VaultClient.xmlRpc(url, options);
  }

  /** The original's name of {@link VaultClient.jsonRpc}. */
  static socket(address: JsonRpcAddress, options: JsonRpcClientOptions = {}): VaultClient {
    return VaultClient.jsonRpc(address, options);
  }
}

/** Checks safe views before they are sent to a server of the original, which has no leak guard. */
function withGuard(transport: Transport, { compatibility }: ClientOptions): Transport {
  if (compatibility !== "original") return transport;
  const guard = new LeakGuard();
  return {
    call: async (operation, params, options) => {
      if (operation === "seal") checkLeak(guard, params as SealParams);
      return transport.call(operation, params, options);
    },
    close: () => transport.close(),
  };
}

function checkLeak(guard: LeakGuard, params: SealParams): void {
  const { data, safe_view: text, leak_guard: setting } = params;
  guard.check({ data, view: { text, shown: [] }, setting: setting ?? undefined, isAscii: false });
}
