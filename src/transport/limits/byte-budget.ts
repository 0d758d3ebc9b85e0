/** A shared amount, such as bytes. A user that finds too little left waits or is refused. */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  #waiting = new Set<() => void>();
  #finisher: object | undefined;
  /** The amount above the limit that was granted to the one user that may finish. */
  #lent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The amount in use. Responses may raise it above the limit. */
  get used(): number {
    return this.#used;
  }

  /** Whether the amount in use, without the amount granted to the finishing user, is over the limit. */
  get isOverdrawn(): boolean {
    return this.#used - this.#lent > this.#limit;
  }

  /** Takes an amount if it is available, and returns whether it was. */
  take(amount: number): boolean {
    if (this.#used + amount > this.#limit) return false;
    this.#used += amount;
    return true;
  }

  /** Takes an amount even if it is not available, because memory already in use must be counted. */
  draw(amount: number): void {
    this.#used += amount;
  }

  /**
   * Takes more for a user that already holds a part. If all users waited for the rest, none would release its
   * part.
   * So one user at a time gets it above the limit, until {@link finished}.
   */
  reserveRest(amount: number, who: object): boolean {
    if (this.take(amount)) return true;
    const isNext = this.#finisher === undefined && !this.isOverdrawn;
    if (!isNext && this.#finisher !== who) return false;
    this.#finisher = who;
    this.#lent += amount;
    this.draw(amount);
    return true;
  }

  /** Records that a user needs no more. */
  finished(who: object): void {
    if (this.#finisher !== who) return;
    this.#finisher = undefined;
    this.#lent = 0;
  }

  /** Releases an amount and notifies the waiting users. */
  giveBack(amount: number): void {
    this.#used -= amount;
    const waiting = this.#waiting;
    if (waiting.size === 0) return;
    this.#waiting = new Set();
    for (const retry of waiting) retry();
  }

  /** Calls `retry` once, as soon as an amount is released. */
  whenGivenBack(retry: () => void): void {
    this.#waiting.add(retry);
  }

  /** Removes a waiting user that needs nothing any more. */
  forget(retry: () => void): void {
    this.#waiting.delete(retry);
  }
}

/** The part of an allowance that one user holds, released as a whole. */
export class Reservation {
  readonly #budget: ByteBudget;
  #held = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Takes an amount if it is available, and returns whether it was. */
  take(amount: number): boolean {
    if (!this.#budget.take(amount)) return false;
    this.#held += amount;
    return true;
  }

  /** Takes an amount even if it is not available. */
  draw(amount: number): void {
    this.#budget.draw(amount);
    this.#held += amount;
  }

  /** Releases the whole part. */
  giveBack(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#budget.giveBack(held);
  }
}
