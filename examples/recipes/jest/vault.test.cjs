// Jest's default: CommonJS, with `require` of its own, which does not load ES modules.
const { HandleVault } = require("handlevault");

test("never runs", () => new HandleVault());
