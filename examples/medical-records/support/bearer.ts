/** Reads who is calling from a request's `Authorization` header. */
import { type Authenticator, LOCAL_CALLER } from "handlevault/auth";

/** Returns the principal that a bearer token shows; `undefined` without one that counts. */
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
  return caller === LOCAL_CALLER ? undefined : caller?.principal;
}
