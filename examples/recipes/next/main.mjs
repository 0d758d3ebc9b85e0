// Plays two bundles: the same module, evaluated twice.
const page = await import("./vault.mjs?bundle=page");
const route = await import("./vault.mjs?bundle=route");
const options = { ownerPrincipal: "user", safeView: "a session" };

const shared = await page.vault.seal("secret", options);
console.log("one vault:", await route.vault.unseal(shared, "user"));
const own = await page.vaultOfThisModule.seal("secret", options);
const failed = await route.vaultOfThisModule.unseal(own, "user").catch(({ code }) => code);
console.log("two vaults:", failed);
