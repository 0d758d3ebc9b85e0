import type { Placeholder } from "../forms/scanner.js";
import type { InsertionContext } from "./insertion-context.js";

type Container = "array" | "object";
type Where = "outside" | "name" | "value";

/** The maximum nesting depth; deeper text admits no placeholders. No genuine data is nested as deeply. */
const MAX_DEPTH = 256;

/**
 * Admits placeholders only within JSON strings that are values. In other positions an insertion would change
 * the structure or the name of a member.
 *
 * Source: RFC 8259.
 */
export class JsonTextContext implements InsertionContext {
  readonly #containers: Container[] = [];
  #depth = 0;
  #where: Where = "outside";
  #isEscaped = false;
  /** Whether the next string is a member name. */
  #expectsName = false;

  read(text: string): void {
    for (const character of text) {
      if (this.#where === "outside") this.#stepOutside(character);
      else this.#stepInString(character);
    }
  }

  /** Also reads the placeholder as JSON text: a quote in it ends the string. */
  admits({ text }: Placeholder): boolean {
    const isWithinValue = this.#where === "value" && !this.#isEscaped && !text.includes('"');
    this.read(text);
    return isWithinValue && this.#depth <= MAX_DEPTH;
  }

  #stepInString(character: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (character === "\\") this.#isEscaped = true;
    else if (character === '"') this.#where = "outside";
  }

  #stepOutside(character: string): void {
    if (character === '"') this.#where = this.#expectsName ? "name" : "value";
    else if (character === "{") this.#enter("object");
    else if (character === "[") this.#enter("array");
    else if (character === "}" || character === "]") this.#leave();
    else if (character === ":") this.#expectsName = false;
    else if (character === ",") this.#expectsName = this.#containers.at(-1) === "object";
  }

  #enter(container: Container): void {
    this.#depth += 1;
    if (this.#depth <= MAX_DEPTH) this.#containers.push(container);
    this.#expectsName = container === "object";
  }

  #leave(): void {
    if (this.#depth <= MAX_DEPTH) this.#containers.pop();
    this.#depth = Math.max(0, this.#depth - 1);
    this.#expectsName = false;
  }
}
