/** One error of every class that the library exports. */
import * as library from "../../src/index.js";

/** A class as the tests call it; the classes that take an argument get one that fits all. */
type ErrorClass = new (argument: string) => library.AnyVaultError;

/** What only the process that hydrates can run into: no vault throws it. */
export const localErrors: readonly library.AnyVaultError[] = [
  new library.HydrationError("unresolved-handles"),
  new library.OutputValidationError("length"),
];

const localNames: readonly string[] = localErrors.map(({ name }) => name);

/** What a vault can throw. */
export const vaultErrors: readonly library.AnyVaultError[] = Object.values<unknown>(library)
  .filter(
    (value): value is ErrorClass =>
      typeof value === "function" && Object.getPrototypeOf(value) === library.VaultError,
  )
  .map((Class) => new Class("volatile-cache"))
  .filter(({ name }) => !localNames.includes(name));
