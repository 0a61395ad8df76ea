/**
 * Whether a shell pattern with `*` and `?` matches the whole text. The time is at most proportional to the product of
 * both lengths.
 */
export function globMatches(pattern: string, text: string): boolean {
  let [p, t, star, from] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') [star, from, p] = [p, t, p + 1];
    else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) [p, t] = [p + 1, t + 1];
    else if (star >= 0) [p, t, from] = [star + 1, from + 1, from + 1];
    else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
