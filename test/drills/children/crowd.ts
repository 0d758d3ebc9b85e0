/**
 * Opens many connections that never authenticate. Half of them send nothing, the others one byte now and
 * then. Lines on standard input start and end the connections.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { frameOf } from "../../../src/transport/json-rpc/frames.js";
import { inBatches } from "../../support/in-batches.js";
import { print, task } from "./messages.js";
import type { ServeTask } from "./serve.js";

export interface CrowdTask {
  readonly wire: ServeTask["wire"];
  readonly port: number;
  readonly size: number;
}

/** The report when the connections are closed. */
export interface CrowdReport {
  /** The connections that the server closed, numbered in the order in which they were made. */
  readonly gaveWay: readonly number[];
  /** The number of connections that were open at the end. */
  readonly present: number;
}

const CONNECTING = 100;
const TICK_MS = 50;
/** Each slow connection sends about one byte per second. */
const SLOW_PER_TICK = 25;

const HEAD = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const BEGINNINGS = {
  http: HEAD,
  "xml-rpc": HEAD,
  "json-rpc": frameOf("x".repeat(60_000)).subarray(0, 8),
};

const { wire, port, size } = task<CrowdTask>();

class Crowd {
  readonly #present = new Map<number, Socket>();
  readonly #gaveWay: number[] = [];
  #made = 0;
  #timer: NodeJS.Timeout | undefined;
  #isLeaving = false;

  async come(): Promise<void> {
    await inBatches(size, CONNECTING, () => this.#add());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  leave(): CrowdReport {
    this.#isLeaving = true;
    clearInterval(this.#timer);
    const present = this.#present.size;
    for (const socket of this.#present.values()) socket.destroy();
    return { gaveWay: this.#gaveWay, present };
  }

  #add(): Promise<void> {
    const index = this.#made++;
    const socket = connect({ port, host: "127.0.0.1" });
    this.#present.set(index, socket);
    return new Promise((resolve) => {
      socket.on("error", () => undefined);
      socket.once("connect", () => {
        if (index % 2 === 0) socket.write(BEGINNINGS[wire]);
        resolve();
      });
      socket.resume().once("close", () => {
        this.#present.delete(index);
        if (!this.#isLeaving) this.#gaveWay.push(index);
        resolve();
      });
    });
  }

  /** Sends a few bytes, and replaces the connections that the server closed. */
  #tick(): void {
    const present = [...this.#present].filter(([index]) => index % 2 === 0);
    for (let count = 0; count < SLOW_PER_TICK; count++) {
      const [, socket] = present[Math.floor(Math.random() * present.length)] ?? [];
      socket?.write("x");
    }
    for (let missing = size - this.#present.size; missing > 0; missing--) void this.#add();
  }
}

let crowd = new Crowd();
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "come") {
    crowd = new Crowd();
    await crowd.come();
    print("here");
  } else print(crowd.leave());
}
