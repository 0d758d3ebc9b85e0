/**
 * Returns an error that is safe as a cause. A failed system call names a path in its error, so that one is
 * replaced by an error with only the call and its code.
 */
export function redactPath(error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof syscall !== "string") return error;
  return Object.assign(new Error(`${syscall} failed: ${code}`), { code });
}
