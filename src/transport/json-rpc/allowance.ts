/** An amount of something that many share: who finds too little left waits until some is given back. */
export class Allowance {
  readonly #limit: number;
  #used = 0;
  #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How much is taken; answers may take it above the limit. */
  get used(): number {
    return this.#used;
  }

  /** Whether more is taken than there is. */
  get isOverdrawn(): boolean {
    return this.#used > this.#limit;
  }

  /** Takes an amount if it is there. */
  take(amount: number): boolean {
    if (this.#used + amount > this.#limit) return false;
    this.#used += amount;
    return true;
  }

  /** Takes an amount whether it is there or not: what exists already has to be counted. */
  draw(amount: number): void {
    this.#used += amount;
  }

  /** Gives an amount back and calls whoever waits. */
  giveBack(amount: number): void {
    this.#used -= amount;
    const waiting = this.#waiting;
    if (waiting.size === 0) return;
    this.#waiting = new Set();
    for (const retry of waiting) retry();
  }

  /** Calls `retry` once, as soon as something is given back. */
  whenGivenBack(retry: () => void): void {
    this.#waiting.add(retry);
  }

  /** Forgets whoever no longer wants anything. */
  forget(retry: () => void): void {
    this.#waiting.delete(retry);
  }
}
