import { RemoteVault } from "../../src/transport/client/remote-vault.js";
import { textWire } from "./text-wire.js";
import { describeVault } from "./vault-behaviour.js";

describeVault("in process", {
  open: async (behind) => ({ vault: behind, close: async () => undefined }),
});

describeVault("behind a wire of JSON text", {
  async open(behind) {
    const vault = new RemoteVault(textWire(behind));
    return { vault, close: () => vault.close() };
  },
});
