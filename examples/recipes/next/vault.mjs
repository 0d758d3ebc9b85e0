// Next evaluates a module once for each bundle and again after each change: a vault of a module's own would be
// several vaults, and a handle of one is unknown to the others. `globalThis` has one.
import { HandleVault } from "handlevault";

const KEY = Symbol.for("example.vault");
globalThis[KEY] ??= new HandleVault();
/** The one vault of the process. */
export const vault = globalThis[KEY];
/** What not to do. */
export const vaultOfThisModule = new HandleVault();
