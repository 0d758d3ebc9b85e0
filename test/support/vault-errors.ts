/** One error of every error class of the library. */
import * as library from "../../src/errors.js";

/** An error class as the tests construct it. Classes with an argument get one that fits all of them. */
type ErrorClass = new (argument: string) => library.AnyVaultError;

/** Errors that occur only in the process that hydrates. A vault does not throw them. */
export const localErrors: readonly library.AnyVaultError[] = [
  new library.HydrationError("unresolved-handles"),
  new library.OutputValidationError("length"),
  new library.PayloadValidationError("refused"),
];

const localNames: readonly string[] = localErrors.map(({ name }) => name);

/** Errors that a vault can throw. */
export const vaultErrors: readonly library.AnyVaultError[] = Object.values<unknown>(library)
  .filter(
    (value): value is ErrorClass =>
      typeof value === "function" && Object.getPrototypeOf(value) === library.VaultError,
  )
  .map((Class) => new Class("volatile-cache"))
  .filter(({ name }) => !localNames.includes(name));
