/**
 * Whether a task runs, judging by its tags. `always` runs unless it is skipped; `never` runs only if one of the task's
 * tags is asked for; `tagged`, `untagged` and `all` are special words. --skip-tags overrides --tags.
 */
export function isSelected(
  own: readonly string[],
  { tags, skipTags }: Readonly<{ tags: readonly string[]; skipTags: readonly string[] }>,
): boolean {
  const has = (tag: string): boolean => own.includes(tag);
  const meant = (asked: string): boolean =>
    asked === 'all' ||
    (asked === 'tagged'
      ? own.some((t) => t !== 'always' && t !== 'never')
      : asked === 'untagged'
        ? own.length === 0
        : has(asked));
  const asked = tags.length === 0 ? ['all'] : tags;
  const isAsked = has('never')
    ? asked.some((t) => t !== 'all' && t !== 'tagged' && has(t))
    : asked.some(meant) || has('always');
  const isSkipped = skipTags.some((t) =>
    t === 'all' ? !has('always') : t === 'tagged' ? own.length > 0 : t === 'untagged' ? own.length === 0 : has(t),
  );
  return isAsked && !isSkipped;
}
