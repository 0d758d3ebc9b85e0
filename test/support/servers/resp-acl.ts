/** The permissions of `docs/redis.md`, in the form that servers accept. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const GUIDE = fileURLToPath(new URL("../../../docs/redis.md", import.meta.url));

/** Returns the words of the guide's ACL line, without `user`, and with the password inserted. */
export function aclOf(kind: "single" | "cluster", password: string): readonly string[] {
  const guide = readFileSync(GUIDE, "utf8");
  const block = new RegExp(`<!-- acl: ${kind} -->\\s*\`\`\`text\\nuser ([^\`]*)\`\`\``).exec(
    guide,
  )?.[1];
  if (block === undefined) throw new Error(`docs/redis.md has no ACL line for ${kind}`);
  return block.trim().replace("<password>", password).split(" ");
}
