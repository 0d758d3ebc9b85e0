import { LOCAL_CALLER } from "../../src/auth/authenticator.js";
import type { Vault } from "../../src/index.js";
import type { Transport } from "../../src/transport/client/transport.js";
import {
  giveJsonData,
  readJsonParams,
  readJsonResponse,
  takeJsonData,
  writeJson,
} from "../../src/transport/json/payload-data.js";
import type { KnownCaller } from "../../src/transport/service/delegation.js";
import { fromWireError, toWireError } from "../../src/transport/service/error-table.js";
import { OPERATIONS, type OperationName } from "../../src/transport/service/operations.js";
import { VaultService, type VaultServiceOptions } from "../../src/transport/service/service.js";
import { runLimited } from "../../src/vault/call-options.js";

/** The caller of a {@link textWire}, and the options of the service behind it. */
export interface TextWireOptions extends VaultServiceOptions {
  readonly caller?: KnownCaller | undefined;
}

/** Returns a wire to a service in this process. Requests and responses are JSON text. */
export function textWire(vault: Vault, options: TextWireOptions = {}): Transport {
  const { caller = LOCAL_CALLER, ...serviceOptions } = options;
  const service = new VaultService(vault, serviceOptions);
  return {
    async call(operation, params, { signal } = {}) {
      const text = writeJson(giveJsonData(operation, params));
      return runLimited(OPERATIONS[operation].effect, { signal }, async () =>
        readReply(operation, await reply(service, operation, { text, caller })),
      );
    },
    close: async () => undefined,
  };
}

async function reply(
  service: VaultService,
  operation: OperationName,
  { text, caller }: { readonly text: string; readonly caller: KnownCaller },
): Promise<string> {
  try {
    const params = takeJsonData(operation, readJsonParams(text));
    const result = await service.call(operation, params, caller);
    return writeJson({ result: giveJsonData(operation, result) });
  } catch (error) {
    return writeJson({ error: toWireError(error) });
  }
}

function readReply(operation: OperationName, text: string): object {
  const { result, error } = readJsonResponse(text) as { result?: object; error?: object };
  if (error !== undefined) throw fromWireError(error);
  return takeJsonData(operation, result) as object;
}
