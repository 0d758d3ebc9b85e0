/** Lists of the peer addresses that a connection may come from. */
import { BlockList, isIP, isIPv6 } from "node:net";
import type { Connection } from "./authenticator.js";

/** The entry for connections over a Unix socket, which have no address. */
const UNIX = "unix";
const MAX_ENTRIES = 1000;
const PREFIX_LENGTH = /^[1-9]\d{0,2}$/;
/** An IPv4 address in the form that dual-stack listeners report. */
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** A set of peer addresses. */
export interface PeerAddresses {
  include(connection: Connection): boolean;
}

/**
 * Returns the set of addresses for a list of IP addresses, CIDR blocks and `unix`.
 *
 * An IPv4 address also covers its IPv6-mapped form, which dual-stack listeners report.
 *
 * @throws TypeError The value is not a list of strings, or is empty.
 * @throws RangeError An entry is not an address, or is a block of all addresses.
 */
export function peerAddresses(value: unknown, name: string): PeerAddresses {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array of strings`);
  if (value.length === 0 || value.length > MAX_ENTRIES) {
    throw new RangeError(`${name} must have 1 to ${MAX_ENTRIES} addresses`);
  }
  // Two lists, because a wide IPv6 block would otherwise include all IPv4 addresses in their mapped form.
  const lists: AddressLists = { ipv4: new BlockList(), ipv6: new BlockList() };
  const entries = Array.from(value as unknown[]);
  for (const [index, entry] of entries.entries()) {
    if (typeof entry !== "string") throw new TypeError(`${name}[${index}] must be a string`);
    if (entry !== UNIX) addEntry(lists, entry, `${name}[${index}]`);
  }
  const unix = entries.includes(UNIX);
  return {
    include({ remoteAddress, isLocal }) {
      if (remoteAddress === undefined) return unix && isLocal === true;
      return isListed(lists, remoteAddress);
    },
  };
}

interface AddressLists {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

function addEntry(lists: AddressLists, entry: string, name: string): void {
  const [address = "", prefix, ...rest] = entry.split("/");
  const isAddress = isIP(address) !== 0 && !address.includes("%") && !isMapped(address);
  if (!isAddress || rest.length > 0) {
    throw new RangeError(`${name} must be an IP address, a CIDR block or "unix"`);
  }
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const longest = family === "ipv6" ? 128 : 32;
  const bits = prefix === undefined ? longest : Number(prefix);
  if (!PREFIX_LENGTH.test(prefix ?? "128") || bits > longest) {
    throw new RangeError(`${name} must have a prefix length within its family, and not 0`);
  }
  lists[family].addSubnet(address, bits, family);
}

/** Such an entry would never match, because peers are compared by their IPv4 address. */
function isMapped(address: string): boolean {
  return isIPv6(address) && new URL(`http://[${address}]`).hostname.startsWith("[::ffff:");
}

function isListed(lists: AddressLists, remoteAddress: string): boolean {
  // A link-local address includes the name of its interface.
  const [given = ""] = remoteAddress.split("%", 1);
  const address = MAPPED_IPV4.exec(given)?.[1] ?? given;
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  return isIP(address) !== 0 && lists[family].check(address, family);
}
