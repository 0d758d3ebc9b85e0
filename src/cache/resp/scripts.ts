/**
 * Lua scripts, for operations that need several commands atomically.
 *
 * Every script exists for one key (the head) and for two (head and body). While a cluster moves a slot, a
 * script that declares a missing key would have to wait for the end of the move.
 */

import type { Buffer } from "node:buffer";
import { REVISION_BYTES } from "./row.js";
import type { RespConnection } from "./vendor.js";

const LAST = REVISION_BYTES - 1;

/** Returns 1 if the record exists with this value and body, 0 if the key has another record. */
const INSERT = `
if not redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
  local found = redis.call('GETRANGE', KEYS[1], 0, ${LAST})
  if found ~= string.sub(ARGV[1], 1, ${REVISION_BYTES}) then return 0 end
end
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2]) end
return 1`;

/** Removes a body without a record. Returns 1 if there was one, otherwise 0. */
const DISCARD_BODY = `
if redis.call('GETRANGE', KEYS[1], ${LAST}, ${LAST}) == '\\1' then return 0 end
return redis.call('UNLINK', KEYS[2])`;

/**
 * Returns 0 if there is no record, 1 if it is in another state, 2 if it is in the new state.
 *
 * The first SET changes nothing. If SET fails, for example for lack of memory, it fails here, before the
 * body is changed.
 */
const REPLACE = `
local found = redis.call('GETRANGE', KEYS[1], 0, ${LAST})
if found == '' then return 0 end
if found ~= ARGV[1] then
  if found == string.sub(ARGV[2], 1, ${REVISION_BYTES}) then return 2 end
  return 1
end
if KEYS[2] and (ARGV[4] == '1' or ARGV[3] ~= '') then
  redis.call('SET', KEYS[1], ARGV[2], 'NX')
  if ARGV[4] == '1' then redis.call('UNLINK', KEYS[2])
  else redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
end
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 2`;

/** Returns 0 if there is no record, 1 if it is in another state, 2 if it was deleted. */
const REMOVE = `
local found = redis.call('GETRANGE', KEYS[1], 0, ${LAST})
if found == '' then return 0 end
if found ~= ARGV[1] then return 1 end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
redis.call('UNLINK', KEYS[1])
return 2`;

/** Returns 1 if there was a record, otherwise 0. */
const DELETE = `
redis.call('UNLINK', KEYS[2])
return redis.call('UNLINK', KEYS[1])`;

type Argument = string | number | Buffer;

/** A script that is defined as a command of connections and pipelines. */
export interface Script {
  /** Sends the variant of the script for this number of keys. */
  (target: object, keys: readonly string[], values: readonly Argument[]): unknown;
  define(connection: RespConnection): void;
}

export const insertScript: Script = script("insert", INSERT);
export const discardBodyScript: Script = script("discard-body", DISCARD_BODY);
export const replaceScript: Script = script("replace", REPLACE);
export const removeScript: Script = script("remove", REMOVE);
export const deleteScript: Script = script("delete", DELETE);

const ALL = [insertScript, discardBodyScript, replaceScript, removeScript, deleteScript];

/** Defines the scripts as commands of a connection, unless they are defined already. */
export function defineScripts(connection: RespConnection): void {
  for (const each of ALL) each.define(connection);
}

function script(name: string, lua: string): Script {
  const commands = [1, 2].map((numberOfKeys) => `handlevault:1:${name}:${numberOfKeys}`);
  const send = (target: object, keys: readonly string[], values: readonly Argument[]): unknown => {
    const command = commands[keys.length - 1] as string;
    const methods = target as Record<string, (...given: Argument[]) => unknown>;
    return methods[command]?.(...keys, ...values);
  };
  const define = (connection: RespConnection): void => {
    for (const [index, command] of commands.entries()) {
      if (!(command in connection))
        connection.defineCommand(command, { lua, numberOfKeys: index + 1 });
    }
  };
  return Object.assign(send, { define });
}
