import type { Connection, Evidence } from "../../src/auth/authenticator.js";

/** What a request shows, with headers as a plain object of lower-case names. */
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
