/** Authenticates a request by its `Authorization` header. */
import type { Authenticator } from "handlevault/auth";

/** Returns the principal of a valid bearer token; `undefined` if there is none. */
export async function principalOf(
  auth: Authenticator,
  authorization: string | undefined,
): Promise<string | undefined> {
  const bearerToken = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (bearerToken === undefined) return undefined;
  const caller = await auth.authenticate({
    bearerToken,
    header: () => undefined,
    hasHeader: () => false,
  });
  return caller === "local" ? undefined : caller?.principal;
}
