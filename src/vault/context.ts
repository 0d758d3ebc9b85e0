import { Buffer } from "node:buffer";
import type { EncryptionContext } from "./contracts.js";

const HEAD_BLOCK = 0;
const USUAL_BYTES = 51; // 6 fixed bytes, 43 of a lookup id, and 2 of an empty tenant

const MAX_LOOKUP_BYTES = 255; // the length field has one byte
const MAX_TENANT = 1200; // characters, whose bytes always fit into the scratch buffer

// A separate allocation: a slice of Node's shared pool would keep the whole pool block in memory.
const scratch: Buffer = Buffer.allocUnsafeSlow(4096);
const usual: Buffer = scratch.subarray(0, USUAL_BYTES);

/**
 * Returns the associated data that binds a ciphertext to its context: "HV", version, flags, block,
 * the lookup id after its length (1 byte), the tenant after its length (2 bytes). Different contexts
 * never give the same bytes.
 *
 * The bytes are valid until the next call.
 */
export function encodeContext(context: EncryptionContext): Buffer {
  const { lookupId, tenant = "" } = context;
  scratch[0] = 0x48;
  scratch[1] = 0x56;
  scratch[2] = context.version;
  scratch[3] = context.flags;
  scratch[4] = HEAD_BLOCK;
  if (lookupId.length > MAX_LOOKUP_BYTES || tenant.length > MAX_TENANT) {
    throw new RangeError("context: lookupId or tenant is too long");
  }
  const lookupBytes = scratch.write(lookupId, 6, "utf8");
  if (lookupBytes > MAX_LOOKUP_BYTES) throw new RangeError("context: lookupId is too long");
  scratch[5] = lookupBytes;
  let end = 6 + lookupBytes;
  const tenantBytes = scratch.write(tenant, end + 2, "utf8");
  end = scratch.writeUInt16BE(tenantBytes, end) + tenantBytes;
  return end === USUAL_BYTES ? usual : scratch.subarray(0, end);
}
