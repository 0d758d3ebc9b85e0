/** How a handle looks to a model. */
import type { OpaqueHandle } from "../vault/handle.js";
import type { JsonObject } from "./messages.js";

/** What stands in a tool's result where a value was. */
export interface HandleForm extends JsonObject {
  /** `hdl_` and 32 lower-case hex digits. */
  readonly handle_id: string;
  readonly safe_view: string;
  /** ISO 8601 in UTC. */
  readonly expires_at: string;
}

/** Returns a handle in the form in which models get it. */
export function handleForm(handle: OpaqueHandle): HandleForm {
  return {
    handle_id: handle.id,
    safe_view: handle.safeView,
    expires_at: handle.expiresAt.toISOString(),
  };
}

/** The JSON schema of a {@link HandleForm} in a tool's output. */
export const HANDLE_FORM_SCHEMA: JsonObject = {
  type: "object",
  description: "A handle: it stands for a value that is kept back.",
  properties: {
    handle_id: { type: "string" },
    safe_view: { type: "string" },
    expires_at: { type: "string" },
  },
  required: ["handle_id", "safe_view", "expires_at"],
};

/** The JSON schema of what stands for a value in a tool's input. */
export const HANDLE_INPUT_SCHEMA: JsonObject = {
  description: "A handle of another tool: its handle_id, or the object that holds it.",
  anyOf: [
    { type: "string" },
    { type: "object", properties: { handle_id: { type: "string" } }, required: ["handle_id"] },
  ],
};

/** The prefix of the keys of our own in `_meta`, and of members that we add to results. */
export const PREFIX = "handlevault.dev/";
