/** Reads a small JSON document from another server. */
import { Buffer } from "node:buffer";
import { get as httpGet, type IncomingMessage, type RequestOptions } from "node:http";
import { get as httpsGet } from "node:https";

const MAX_BODY_BYTES = 512 * 1024;
const OK = 200;

export interface FetchJsonOptions {
  /** The limit for the whole operation: connecting, waiting and reading. */
  readonly timeoutMs: number;
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined;
}

/**
 * Returns the document at a URL.
 *
 * Follows no redirects, ignores proxies configured in the environment, and reads at most 512 KiB.
 *
 * @throws Error The response is not status 200 with JSON, or does not arrive in time.
 */
export async function fetchJson(url: URL, options: FetchJsonOptions): Promise<unknown> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const response = await requested(url, options, signal);
  try {
    if (response.statusCode !== OK) throw new Error("the answer is not 200");
    return JSON.parse(await bodyOf(response)) as unknown;
  } finally {
    response.destroy();
  }
}

function requested(
  url: URL,
  { ca }: FetchJsonOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = { accept: "application/jwk-set+json, application/json" };
  const request: RequestOptions = { signal, headers, agent: false };
  return new Promise((resolve, reject) => {
    const sent =
      url.protocol === "https:"
        ? httpsGet(url, { ...request, ...(ca === undefined ? {} : { ca: caOf(ca) }) }, resolve)
        : httpGet(url, request, resolve);
    sent.on("error", reject);
  });
}

function caOf(ca: string | Uint8Array): string | Buffer {
  return typeof ca === "string" ? ca : Buffer.from(ca);
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
