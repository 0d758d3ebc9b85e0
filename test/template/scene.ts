import { handleIdOf, type Vault } from "../../src/index.js";
import { GRANTEE, sealOptions, type TestSealOptions, vaultWithClock } from "../support/vault.js";

/** The principal for which the tests hydrate. */
export const AS = { requestingPrincipal: GRANTEE } as const;
/** An id that no vault has issued. */
export const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;

/** Seals payloads for the grantee and returns their ids. */
export async function sealed(
  vault: Vault,
  payload: unknown,
  overrides: Partial<TestSealOptions> = {},
): Promise<string> {
  return (await vault.seal(payload, sealOptions(overrides))).id;
}

/** Returns a vault that counts the handles that it is asked for. */
export function countingVault() {
  const { vault, clock } = vaultWithClock();
  const asked: string[][] = [];
  const unsealMany = vault.unsealMany.bind(vault);
  vault.unsealMany = async <T>(requests: Parameters<typeof unsealMany>[0]) => {
    asked.push(requests.map(({ id }) => handleIdOf(id)));
    return unsealMany<T>(requests);
  };
  return { vault, clock, asked };
}

/** Yields every division of a text into two pieces, or into three for `maxCuts` 2. */
export function* cutsOf(text: string, maxCuts: 1 | 2): Generator<string[]> {
  for (let first = 0; first <= text.length; first++) {
    if (maxCuts === 1) yield [text.slice(0, first), text.slice(first)];
    else
      for (let second = first; second <= text.length; second++)
        yield [text.slice(0, first), text.slice(first, second), text.slice(second)];
  }
}

/** Sends pieces through a pair of streams and returns the output. */
export async function through<In, Out>(
  pieces: readonly In[],
  pair: { readonly readable: ReadableStream<Out>; readonly writable: WritableStream<In> },
): Promise<Out[]> {
  const source = new ReadableStream<In>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const outputs: Out[] = [];
  for await (const output of source.pipeThrough(pair)) outputs.push(output);
  return outputs;
}
