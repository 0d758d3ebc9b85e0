/** The field GF(2^128) of GHASH (NIST SP 800-38D, section 6.3), with elements as integers. */
import { createCipheriv } from "node:crypto";

const POLYNOMIAL = 0xe1n << 120n;
const ONE = 1n << 127n;

/**
 * Returns a block as an element. The first bit is the lowest power, which is the highest bit of the integer.
 */
export function toElement(block: Uint8Array): bigint {
  if (block.length !== 16) throw new RangeError("a block has 16 bytes");
  return BigInt(`0x${Buffer.from(block).toString("hex")}`);
}

function toBlock(element: bigint): Buffer {
  return Buffer.from(element.toString(16).padStart(32, "0"), "hex");
}

export function multiply(left: bigint, right: bigint): bigint {
  let product = 0n;
  let shifted = right;
  for (let bit = 127n; bit >= 0n; bit--) {
    if (((left >> bit) & 1n) === 1n) product ^= shifted;
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ POLYNOMIAL : shifted >> 1n;
  }
  return product;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = ONE;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/** Returns the multiplicative inverse: the power 2^128 - 2, by Fermat's little theorem. */
export function inverse(element: bigint): bigint {
  return power(element, (1n << 128n) - 2n);
}

/** The values that AES-GCM derives from a key and a 96-bit nonce. */
export interface GcmInstance {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Returns AES-256 of one block. */
function aesBlock(key: Uint8Array, block: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
}

/**
 * Returns a ciphertext of two blocks, with one tag, that AES-GCM opens under both instances.
 *
 * The construction also works for longer data and ciphertexts, but the tests need only one block of data. The
 * caller chooses the second block. The first one is the solution of `A·H⁴ + C₁·H³ + C₂·H² + L·H + E(J₀)`
 * being the same for both instances, where addition is XOR.
 */
export function collidingCiphertext(
  instances: readonly [GcmInstance, GcmInstance],
  options: { readonly secondBlock: Uint8Array; readonly associatedData: Uint8Array },
): { ciphertext: Buffer; tag: Buffer } {
  const { secondBlock, associatedData } = options;
  if (associatedData.length > 16) throw new RangeError("associatedData must fit one block");
  const padded = Buffer.alloc(16);
  padded.set(associatedData);
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64BE(BigInt(associatedData.length * 8), 0);
  lengths.writeBigUInt64BE(256n, 8);
  const [data, second, last] = [padded, secondBlock, lengths].map(toElement) as [
    bigint,
    bigint,
    bigint,
  ];
  const [first, other] = instances.map(({ key, nonce }) => {
    const hashKey = toElement(aesBlock(key, Buffer.alloc(16)));
    const mask = toElement(aesBlock(key, Buffer.concat([nonce, Buffer.of(0, 0, 0, 1)])));
    const rest =
      multiply(data, power(hashKey, 4n)) ^
      multiply(second, power(hashKey, 2n)) ^
      multiply(last, hashKey) ^
      mask;
    return { cube: power(hashKey, 3n), rest };
  }) as [{ cube: bigint; rest: bigint }, { cube: bigint; rest: bigint }];
  const free = multiply(first.rest ^ other.rest, inverse(first.cube ^ other.cube));
  const tag = toBlock(multiply(free, first.cube) ^ first.rest);
  return { ciphertext: Buffer.concat([toBlock(free), secondBlock]), tag };
}
