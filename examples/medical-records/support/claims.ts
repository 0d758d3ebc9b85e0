/** Prints an example: a heading for each scene, a tick for each asserted claim. */
let scenes = 0;
let checks = 0;

export function heading(text: string): void {
  scenes += 1;
  console.log(`${scenes}. ${text}`);
}

export function quote(text: string): void {
  console.log(text.replace(/^/gm, "    "));
}

export async function check(claim: string, proof: () => unknown): Promise<void> {
  await proof();
  checks += 1;
  console.log(`  ✓ ${claim}`);
}

export function passed(): number {
  return checks;
}
