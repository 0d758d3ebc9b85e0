import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  type Endpoint,
  type Receive,
  receiveLines,
  type Sent,
  StdioClient,
  sendLine,
} from "../../src/cli/endpoint.js";
import { messageLine } from "../../src/cli/message-lines.js";
import { type ProxyEnd, runProxy } from "../../src/cli/proxy.js";
import { HandleVault, memoryCache, type Vault } from "../../src/index.js";
import { AgentPolicy, MessageFilter } from "../../src/mcp.js";

const CANARY = "canary 3b9f";

/** A server over streams whose responses the test writes. */
class PlayedServer implements Endpoint {
  readonly input: PassThrough;
  readonly output = new PassThrough();

  constructor(input: PassThrough = new PassThrough()) {
    this.input = input;
  }

  run(receive: Receive): Promise<void> {
    return receiveLines(this.output, receive);
  }

  send(message: Sent): Promise<void> {
    return sendLine(this.input, message);
  }

  async close(): Promise<void> {
    this.input.end();
    this.output.end();
  }
}

interface SceneOptions {
  readonly vault?: Vault;
  readonly server?: PlayedServer;
  readonly signal?: AbortSignal;
  readonly output?: PassThrough;
}

/** A proxy whose client and server the test plays. */
class Scene {
  readonly input = new PassThrough();
  readonly output: PassThrough;
  readonly server: PlayedServer;
  readonly end: Promise<ProxyEnd>;

  constructor(options: SceneOptions = {}) {
    const { vault = new HandleVault(), server = new PlayedServer(), signal } = options;
    this.output = options.output ?? new PassThrough();
    this.server = server;
    const client = new StdioClient(this.input, this.output);
    const tools = { show: { seal: "none", errors: "pass" } } as const;
    const policy = new AgentPolicy({ servers: { records: { tools } } });
    const filter = new MessageFilter({ vault, policy, server: "records" });
    this.end = runProxy({ client, server, filter, subject: () => "alice", signal });
  }

  call(id: number, name = "lookup"): void {
    const params = { name, arguments: {} };
    this.input.write(messageLine({ jsonrpc: "2.0", id, method: "tools/call", params }));
  }

  answer(id: unknown, text: string = CANARY): void {
    const result = { content: [{ type: "text", text }] };
    this.server.output.write(messageLine({ jsonrpc: "2.0", id, result }));
  }

  /** Disconnects, and returns the messages that the client has received. */
  async hangUp(): Promise<readonly Answer[]> {
    this.input.end();
    await this.end;
    this.output.end();
    return linesOf(await textOf(this.output));
  }
}

interface Answer {
  readonly id: unknown;
  readonly error?: { readonly code: number };
  readonly result?: { readonly isError?: boolean; readonly content: readonly { text: string }[] };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function linesOf(text: string): Answer[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

async function nextLine(stream: PassThrough): Promise<{ readonly id: number }> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false }))
    return JSON.parse(String(chunk));
  throw new Error("the stream has ended");
}

/** The result that a model reads if a call may have been executed. */
const MAY_HAVE_RUN = {
  isError: true,
  content: [{ type: "text", text: expect.stringMatching(/may have been executed: do not retry/) }],
};

describe("a proxy", () => {
  it("forwards the server's last messages to a client that has disconnected", async () => {
    const scene = new Scene();
    scene.call(1);
    const { id } = await nextLine(scene.server.input);
    scene.answer(id);
    const [answer] = await scene.hangUp();
    expect(answer?.id).toBe(1);
    expect(answer?.result?.content.at(-1)?.text).toContain("hdl_");
    expect(await scene.end).toBe("client");
  });

  it("waits for the responses to a client that has disconnected, up to a time limit", async () => {
    const scene = new Scene();
    scene.call(1);
    scene.input.end();
    const { id } = await nextLine(scene.server.input);
    scene.answer(id);
    expect((await scene.hangUp()).map(({ result }) => result !== undefined)).toEqual([true]);
    const silent = new Scene();
    silent.call(2);
    expect(await silent.hangUp()).toMatchObject([{ id: 2, result: MAY_HAVE_RUN }]);
  });

  it("sends an error for each request that the server leaves without a response", async () => {
    const scene = new Scene();
    scene.call(7);
    await nextLine(scene.server.input);
    await scene.server.close();
    expect(await scene.end).toBe("server");
    expect(await scene.hangUp()).toMatchObject([{ id: 7, result: MAY_HAVE_RUN }]);
  });

  it("sends an error for each request that does not reach the server", async () => {
    const input = new PassThrough();
    input.on("error", () => undefined);
    input.destroy();
    const scene = new Scene({ server: new PlayedServer(input) });
    scene.call(8);
    expect(await scene.hangUp()).toMatchObject([{ id: 8, result: MAY_HAVE_RUN }]);
  });

  it("fails all pending requests when a message of the server cannot be read, and keeps running", async () => {
    const scene = new Scene();
    scene.call(1);
    await nextLine(scene.server.input);
    scene.server.output.write(`{"jsonrpc": "2.0", "result": {"text": "${CANARY}\n`);
    await new Promise((resolve) => scene.output.once("readable", resolve));
    scene.call(2, "show");
    const { id } = await nextLine(scene.server.input);
    scene.answer(id, "open");
    const answers = await scene.hangUp();
    expect(answers).toMatchObject([
      { id: 1, result: MAY_HAVE_RUN },
      { id: 2, result: {} },
    ]);
    expect(JSON.stringify(answers)).not.toContain(CANARY);
  });

  it("forwards nothing that the server prints besides messages", async () => {
    const scene = new Scene();
    scene.call(1);
    const { id } = await nextLine(scene.server.input);
    scene.server.output.write(`starting with ${CANARY}\n`);
    scene.answer(id);
    const answers = await scene.hangUp();
    expect(answers).toHaveLength(1);
    expect(JSON.stringify(answers)).not.toContain(CANARY);
  });

  it("filters every message of a batch, and responds with a batch", async () => {
    const scene = new Scene();
    const batch = [1, 2].map((id) => ({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: "lookup" },
    }));
    scene.input.write(messageLine(batch));
    const passed = (await nextLine(scene.server.input)) as unknown as { id: number }[];
    const result = { content: [{ type: "text", text: CANARY }] };
    scene.server.output.write(
      messageLine(passed.map(({ id }) => ({ jsonrpc: "2.0", id, result }))),
    );
    const [answers] = (await scene.hangUp()) as unknown as Answer[][];
    expect(answers?.map(({ id }) => id)).toEqual([1, 2]);
    expect(JSON.stringify(answers)).not.toContain(CANARY);
    expect(JSON.stringify(answers)).toContain("hdl_");
  });

  it("ends immediately when its signal aborts, whatever its client does", async () => {
    const abort = new AbortController();
    const scene = new Scene({ signal: abort.signal });
    abort.abort();
    expect(await scene.end).toBe("client");
    expect(await new Scene({ signal: abort.signal }).end).toBe("client");
  });

  it("ends when its signal aborts, although its server does not read", async () => {
    const abort = new AbortController();
    const stuck = new PassThrough({ highWaterMark: 1 });
    const scene = new Scene({ server: new PlayedServer(stuck), signal: abort.signal });
    scene.call(1);
    scene.call(2);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    abort.abort();
    expect(await scene.end).toBe("client");
  });

  it("stops reading from a client whose server does not", async () => {
    const stuck = new PassThrough({ highWaterMark: 1 });
    const scene = new Scene({ server: new PlayedServer(stuck) });
    const notification = { jsonrpc: "2.0", method: "notifications/progress", params: { a: "x" } };
    const line = messageLine(notification);
    let written = 0;
    while (scene.input.write(line) && written < 100_000) written += 1;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(scene.input.readableLength).toBeGreaterThan(0);
    stuck.resume();
    expect(await scene.hangUp().catch(() => [])).toEqual([]);
  });
});

describe("a vault that fails", () => {
  it("keeps a tool from running when it is down", async () => {
    const vault = new HandleVault();
    await vault.close();
    const scene = new Scene({ vault });
    scene.call(1);
    const [answer] = await scene.hangUp();
    expect(answer?.result?.isError).toBe(true);
    expect(answer?.result?.content[0]?.text).toMatch(/^Not executed: the vault/);
    expect(scene.server.input.read()).toBeNull();
  });

  it("withholds an output when it is full, and says that the tool has run", async () => {
    const vault = new HandleVault({ cache: memoryCache({ maxEntries: 1 }) });
    const scene = new Scene({ vault });
    scene.call(1);
    const { id } = await nextLine(scene.server.input);
    await vault.seal("fills it", { ownerPrincipal: "o", safeView: "" });
    scene.answer(id);
    const [answer] = await scene.hangUp();
    expect(answer?.result?.content[0]?.text).toMatch(/^Executed, but the output is withheld/);
    expect(JSON.stringify(answer)).not.toContain(CANARY);
  });
});
