/**
 * Recognises published keys that were configured as a shared secret. They are public, so any attacker could
 * sign with such a "secret" (RFC 8725, 2.1).
 */
import { Buffer } from "node:buffer";
import { createPublicKey, X509Certificate } from "node:crypto";
import { asBuffer } from "../primitives/bytes.js";

/** Allows for a file (DER or PEM) that was encoded for a variable, and once more for a manifest. */
const MAX_ENCODINGS = 3;

// RFC 7468, and RFC 4716 with its four hyphens and a space.
const PEM = /-----BEGIN[ +%]|---- BEGIN /;
// RFC 7517: a JSON Web Key or a set of them, also inside a JSON string. No such text is a secret.
const JSON_WEB_KEY = /\\?"(?:kty|keys)\\?"\s*:/;
// sshd(8), "AUTHORIZED_KEYS FILE FORMAT": options or a host may come first, and a comment may follow.
const SSH_LINE = /(?:^|[\s,])(?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,64}\s+AAAA/;
// RFC 4253, 6.6: the name of the algorithm.
const SSH_ALGORITHM = /^(?:ssh|ecdsa|sk)-[a-z0-9@.-]+$/;

const HEX = /^(?:0x)?(?:[0-9a-f]{2})+$/i;
const BASE64 = /^[A-Za-z0-9+/_-]+=*$/;

/** Returns whether bytes or a text are a key or a certificate in a format used for publishing. */
export function isPublishedKey(given: Uint8Array | string): boolean {
  const bytes = typeof given === "string" ? Buffer.from(given, "utf8") : asBuffer(given);
  return isKey(bytes, MAX_ENCODINGS);
}

function isKey(bytes: Buffer, encodingsLeft: number): boolean {
  if (isDer(bytes) || isSshKey(bytes) || isPoint(bytes)) return true;
  const text = textOf(bytes);
  if ([PEM, JSON_WEB_KEY, SSH_LINE].some((form) => form.test(text))) return true;
  if (encodingsLeft === 0) return false;
  return decoded(text).some((inner) => isKey(inner, encodingsLeft - 1));
}

/** Returns ASCII in any encoding as a text. For other bytes the result is meaningless. */
function textOf(bytes: Buffer): string {
  // UTF-16 is ASCII once the zero bytes and the byte order mark are removed.
  const text = bytes.toString("latin1").replaceAll("\0", "");
  return text.replace(/^(?:\u00ef\u00bb\u00bf|\u00ff\u00fe|\u00fe\u00ff)/, "").trim();
}

function decoded(text: string): Buffer[] {
  // Removes line breaks, the colons of fingerprints and the quotes of settings.
  const compact = text.replaceAll(/[\s:"']/g, "");
  return [
    ...(HEX.test(compact) ? [Buffer.from(compact.replace(/^0x/i, ""), "hex")] : []),
    ...(BASE64.test(compact) ? [Buffer.from(compact, "base64")] : []),
  ];
}

/** Returns whether the bytes are a key (RFC 5280, 4.1.2.7; RFC 8017, A.1.1) or a certificate with one. */
function isDer(bytes: Buffer): boolean {
  const isSequence = bytes[0] === 0x30;
  if (!isSequence) return false;
  return (
    isReadable(() => createPublicKey({ key: bytes, format: "der", type: "spki" })) ||
    isReadable(() => createPublicKey({ key: bytes, format: "der", type: "pkcs1" })) ||
    isReadable(() => new X509Certificate(bytes))
  );
}

/**
 * Returns whether the bytes are OpenSSH's format in base64: a length, the name of the algorithm, the numbers.
 */
function isSshKey(bytes: Buffer): boolean {
  if (bytes.length < 8) return false;
  const length = bytes.readUInt32BE(0);
  return length <= 64 && SSH_ALGORITHM.test(bytes.toString("latin1", 4, 4 + length));
}

/** The size in bytes of a coordinate on each curve. */
const CURVES = Object.entries({ "P-256": 32, secp256k1: 32, "P-384": 48, "P-521": 66 });

/**
 * Returns whether the bytes are a point on a curve (SEC 1, 2.3.3), the format of Web Push keys. A line break
 * may follow.
 */
function isPoint(bytes: Buffer): boolean {
  if (bytes[0] !== 0x04) return false;
  return CURVES.some(([crv, size]) => {
    const x = bytes.toString("base64url", 1, 1 + size);
    const y = bytes.toString("base64url", 1 + size, 1 + 2 * size);
    return isReadable(() => createPublicKey({ key: { kty: "EC", crv, x, y }, format: "jwk" }));
  });
}

function isReadable(read: () => unknown): boolean {
  try {
    return read() !== undefined;
  } catch {
    return false;
  }
}
