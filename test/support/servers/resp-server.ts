/** A single server of Redis or Valkey, for tests. */
import { HOST, RespProcess, type RespProduct } from "./resp-process.js";
import type { TlsFiles } from "./tls.js";

export { missingServer, type RespProduct } from "./resp-process.js";

export interface RespServer {
  readonly product: RespProduct;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Ends the server, waits for its end, and removes its directory; may be called twice. */
  stop(): Promise<void>;
  /** Kills the server (SIGKILL) and waits for its end; its data stay. */
  kill(): Promise<void>;
  /** Restarts the server on the same port and directory, optionally with other settings. */
  restart(options?: RespServerOptions): Promise<void>;
  /** Makes the server hang: connections stay open, and no command gets a reply. */
  pause(): void;
  resume(): void;
}

export interface RespServerOptions {
  /** Enables the append-only file with this `appendfsync`; without it nothing is persisted. */
  readonly appendFsync?: "always" | "everysec" | "no" | undefined;
  /** Listens only with TLS. */
  readonly tls?: TlsFiles | undefined;
  /** Further arguments. */
  readonly arguments?: readonly string[] | undefined;
}

/** Starts a server on a free loopback port, in a new directory. */
export async function startRespServer(
  product: RespProduct,
  options: RespServerOptions = {},
): Promise<RespServer> {
  const server = await RespProcess.start(product, async (port, directory) =>
    serverArguments({ port, directory }, options),
  );
  return {
    product,
    host: HOST,
    port: server.port,
    get pid() {
      return server.pid;
    },
    stop: () => server.remove(),
    kill: () => server.end("SIGKILL"),
    async restart(changed = options) {
      await server.end("SIGTERM");
      await server.launch(serverArguments(server, changed));
    },
    pause: () => server.signal("SIGSTOP"),
    resume: () => server.signal("SIGCONT"),
  };
}

/** Returns the command line of a server. */
export function serverArguments(
  place: { readonly port: number; readonly directory: string },
  { appendFsync, tls, arguments: further = [] }: RespServerOptions,
): string[] {
  const { port, directory } = place;
  const listening =
    tls === undefined
      ? ["--port", `${port}`]
      : [
          ...["--port", "0", "--tls-port", `${port}`, "--tls-auth-clients", "optional"],
          ...["--tls-cert-file", tls.certificate, "--tls-key-file", tls.key],
          ...["--tls-ca-cert-file", tls.authority],
        ];
  const persistence =
    appendFsync === undefined
      ? ["--appendonly", "no"]
      : ["--appendonly", "yes", "--appendfsync", appendFsync];
  return [
    ...["--bind", HOST, "--dir", directory, "--save", "", "--repl-diskless-sync-delay", "0"],
    ...listening,
    ...persistence,
    ...further,
  ];
}
