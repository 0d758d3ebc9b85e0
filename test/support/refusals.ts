/** Returns the error that the call threw or rejected with; throws if the call succeeds. */
export async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("expected a refusal, but the call succeeded");
}

/** Returns the code of the vault error that the call throws, or the name of another error. */
export async function codeThrownBy(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return typeof code === "string" ? code : String(name);
  }
  return "no error";
}

/** Returns the message of the error that the call throws. */
export async function messageThrownBy(call: () => unknown): Promise<string> {
  const error = await thrownBy(call);
  if (!(error instanceof Error)) throw new Error("expected an Error to be thrown");
  return error.message;
}

export const INTEGRITY = "ERR_VAULT_RECORD_INTEGRITY";
export const KEY_NOT_FOUND = "ERR_VAULT_KEY_NOT_FOUND";
export const UNSUPPORTED = "ERR_VAULT_RECORD_UNSUPPORTED";
export const TOO_LARGE = "ERR_VAULT_PAYLOAD_TOO_LARGE";
