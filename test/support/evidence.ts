import type { Connection, Evidence } from "../../src/auth/authenticator.js";

/** Returns a request's evidence, with its headers as a plain object with lower-case names. */
export function evidenceOf(shown: {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connection?: Connection;
}): Evidence {
  return {
    bearerToken: shown.token,
    header: (name) => shown.headers?.[name.toLowerCase()],
    hasHeader: (name) => shown.headers?.[name.toLowerCase()] !== undefined,
    connection: shown.connection,
  };
}
