/** Errors of the operating system, as they may be handed on. */

/** Returns an error to hand on as a cause: those of the system's calls name paths, and are made anew. */
export function redactPath(error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof syscall !== "string") return error;
  return Object.assign(new Error(`${syscall} failed: ${code}`), { code });
}
