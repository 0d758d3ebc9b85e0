/** An amount of something that many share: who finds too little left waits, or is refused. */
export class Allowance {
  readonly #limit: number;
  #used = 0;
  #waiting = new Set<() => void>();
  #finisher: object | undefined;
  /** What the finisher has that there was no room for. */
  #lent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How much is taken; answers may take it above the limit. */
  get used(): number {
    return this.#used;
  }

  /** Whether more is taken than there is, beside what is lent to whoever is to finish. */
  get isOverdrawn(): boolean {
    return this.#used - this.#lent > this.#limit;
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

  /**
   * Takes more for somebody who holds a part already. Where all wait for the rest nobody gives anything
   * back: so one of them at a time gets it above the limit, until {@link finished}.
   */
  takeMore(amount: number, who: object): boolean {
    if (this.take(amount)) return true;
    const isNext = this.#finisher === undefined && !this.isOverdrawn;
    if (!isNext && this.#finisher !== who) return false;
    this.#finisher = who;
    this.#lent += amount;
    this.draw(amount);
    return true;
  }

  /** Notes that somebody wants no more. */
  finished(who: object): void {
    if (this.#finisher !== who) return;
    this.#finisher = undefined;
    this.#lent = 0;
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

/** What one user of an allowance has of it, given back in one go. */
export class Share {
  readonly #allowance: Allowance;
  #held = 0;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Takes an amount if it is there. */
  take(amount: number): boolean {
    if (!this.#allowance.take(amount)) return false;
    this.#held += amount;
    return true;
  }

  /** Takes an amount whether it is there or not. */
  draw(amount: number): void {
    this.#allowance.draw(amount);
    this.#held += amount;
  }

  /** Gives back whatever was taken. */
  giveBack(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#allowance.giveBack(held);
  }
}
