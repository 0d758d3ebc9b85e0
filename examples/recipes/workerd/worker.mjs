// A worker of workerd, the runtime of Cloudflare Workers. Records live in its memory and end with it.
import { HandleVault } from "handlevault";

export default {
  async fetch() {
    const vault = new HandleVault();
    const handle = await vault.seal({ pin: 1234 }, { ownerPrincipal: "me", safeView: "a PIN" });
    const opened = await vault.unseal(handle, "me");
    return Response.json({ view: handle.safeView, pin: opened.pin });
  },
};
