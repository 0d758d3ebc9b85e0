import { HandleVault } from "handlevault";

test("a payload returns to its owner", async () => {
  const vault = new HandleVault();
  const handle = await vault.seal({ pin: 1234 }, { ownerPrincipal: "me", safeView: "a PIN" });
  expect(await vault.unseal(handle, "me")).toEqual({ pin: 1234 });
  await vault.close();
});
