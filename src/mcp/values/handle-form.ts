/** The form in which a model receives a handle. */
import type { OpaqueHandle } from "../../vault/handle.js";
import type { JsonObject } from "../protocol/messages.js";

/** The object that replaces a sealed value in a tool's result. */
export interface HandleForm extends JsonObject {
  /** `hdl_` and 32 lower-case hex digits. */
  readonly handle_id: string;
  readonly safe_view: string;
  /** ISO 8601 in UTC. */
  readonly expires_at: string;
}

/** Returns a handle in the form for a model. */
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

/** The JSON schema of a handle in a tool's arguments. */
export const HANDLE_INPUT_SCHEMA: JsonObject = {
  description: "A handle of another tool: its handle_id, or the object that holds it.",
  anyOf: [
    { type: "string" },
    { type: "object", properties: { handle_id: { type: "string" } }, required: ["handle_id"] },
  ],
};

/** The prefix of this library's keys in `_meta` and of the members that it adds to results. */
export const PREFIX = "handlevault.dev/";
