import { KeyObject } from "node:crypto";
import { compactVerify } from "jose";
import { describe, expect, it } from "vitest";
import { isTokenText } from "../../src/auth/jwt-claims.js";
import { checkJwtKey, type JwtJsonWebKey } from "../../src/auth/jwt-keys.js";
import { loadVectors } from "../support/vectors.js";

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly jws: string;
  readonly result: "valid" | "invalid" | "acceptable";
}
interface Group {
  readonly comment: string;
  readonly public?: JwtJsonWebKey;
  readonly private: JwtJsonWebKey;
  readonly tests: readonly Vector[];
}
const { testGroups } = loadVectors<{ readonly testGroups: readonly Group[] }>(
  "wycheproof/json_web_signature_test.json",
);

/** Runs openJwtAuth's verification up to the claims, which these signatures do not contain. */
async function counts(jwk: JwtJsonWebKey, jws: string): Promise<boolean> {
  try {
    const { key, algorithms } = checkJwtKey(jwk);
    if (!isTokenText(jws) || !(key instanceof KeyObject)) return false;
    await compactVerify(jws, key, { algorithms: [...algorithms] });
    return true;
  } catch {
    return false;
  }
}

/** Vectors whose outcome here differs from the one that they name, and the reason. */
const OTHERWISE: Readonly<Record<number, string>> = {
  ...Object.fromEntries(
    [259, 264, 268, 272, 320, 325].map((id) => [id, "refused: no token has an empty payload"]),
  ),
  ...Object.fromEntries(
    [346, 347, 350, 351].map((id) => [id, "refused: the key is for another alg than the header's"]),
  ),
  ...Object.fromEntries([372, 373].map((id) => [id, "refused: a ? is no base64url"])),
  ...Object.fromEntries([367, 370].map((id) => [id, "the very text of the valid vector 357"])),
};

describe.each(testGroups.map((group, index) => ({ ...group, index })))(
  "wycheproof signatures, group $index: $comment",
  ({ public: publicKey, private: secret, tests }) => {
    it("count if they are valid, and only then", async () => {
      const wrong: string[] = [];
      for (const { tcId, comment, jws, result } of tests) {
        const isExpected = (result === "valid") !== Object.hasOwn(OTHERWISE, tcId);
        const isCounted = await counts(publicKey ?? secret, jws);
        if (isCounted !== isExpected) wrong.push(`${tcId} ${comment} ${result}`);
      }
      expect(wrong).toEqual([]);
    });
  },
);
