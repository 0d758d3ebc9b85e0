/**
 * The interface of schemas that many validation libraries share: zod, valibot, arktype and others.
 *
 * It repeats the types of the Standard Schema specification, version 1 (https://standardschema.dev), so that
 * no library is needed for them.
 *
 * @module
 */

/** A schema of any library that implements Standard Schema. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** The result of a validation: the output, or the issues. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** A problem of a value. Its message may contain the value, so this library never shows it. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
