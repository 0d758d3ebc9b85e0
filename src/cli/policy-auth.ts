/** Authenticates clients over HTTP as the policy's `auth` member configures. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { anyOf } from "../auth/any-of.js";
import type { Authenticator } from "../auth/authenticator.js";
import { openJwtAuth } from "../auth/jwt.js";
import { type StaticToken, tokenAuth } from "../auth/token.js";
import { policyError } from "./command-error.js";
import type { PolicyFile } from "./policy-file.js";
import type { AuthData, JwtData, TokenData } from "./policy-schema.js";

/** @throws CommandError A key cannot be read, or an option is invalid. */
export async function openAuth(
  { jwt, tokens }: AuthData,
  pathOf: PolicyFile["pathOf"],
  environment: NodeJS.ProcessEnv,
): Promise<Authenticator> {
  try {
    const known: Authenticator[] = [];
    if (jwt !== undefined) known.push(await jwtAuthFrom(jwt, pathOf));
    if (tokens !== undefined) {
      known.push(tokenAuth({ tokens: tokens.map((token) => staticToken(token, environment)) }));
    }
    return anyOf(...known);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw policyError(`auth: ${error.message}`, ["auth"]);
  }
}

async function jwtAuthFrom(
  { key, ...claims }: JwtData,
  pathOf: PolicyFile["pathOf"],
): Promise<Authenticator> {
  if (key.file !== undefined)
    return openJwtAuth({ ...claims, key: await readKey(pathOf(key.file)) });
  return openJwtAuth({ ...claims, jwks: { url: key.jwks ?? "" } });
}

async function readKey(path: string): Promise<KeyObject> {
  try {
    return createPublicKey(await readFile(path));
  } catch {
    throw policyError("auth: the key file must hold a public key in PEM", ["auth"]);
  }
}

function staticToken({ env, subject }: TokenData, environment: NodeJS.ProcessEnv): StaticToken {
  const token = environment[env];
  if (token === undefined || token === "") {
    throw policyError(`auth needs the environment variable ${env}, which is not set`, ["auth"]);
  }
  return { token, principal: subject };
}
