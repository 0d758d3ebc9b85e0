import { parentPort, workerData } from "node:worker_threads";
import { VaultClient } from "handlevault/client";

const { path, token, principal, id } = workerData;
const vault = VaultClient.jsonRpc({ path }, { token });
parentPort.postMessage(await vault.unseal(id, principal).catch(({ code }) => code));
await vault.close();
