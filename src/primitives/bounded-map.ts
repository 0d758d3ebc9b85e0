/** Sets an entry of a map as its newest, and deletes the oldest entry if there are more than `bound`. */
export function setBounded<V>(map: Map<string, V>, key: string, value: V, bound: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= bound) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
