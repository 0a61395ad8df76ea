/** Something that is missing or wrong: what, and how it is fixed. `isFault` is false if everything works without it. */
export type Trouble = Readonly<{ what: string; hint: string; isFault: boolean }>;

/** The result of one question. `seen` tells what is good in a few words. */
export type Answer = Readonly<{ topic: string; seen: string; troubles: readonly Trouble[] }>;

export const good = (topic: string, seen: string): Answer => ({ topic, seen, troubles: [] });
export const bad = (topic: string, what: string, hint: string, isFault = true): Answer => ({
  topic,
  seen: '',
  troubles: [{ what, hint, isFault }],
});
