/** The actions of `meta:`, with what they do. */
export const META: Readonly<Record<string, string>> = {
  flush_handlers: 'Runs the notified handlers now.',
  end_host: 'Ends the play for the host.',
  end_play: 'The same.',
  end_batch: 'The same.',
  end_role: 'Skips the remaining tasks of the role.',
  clear_facts: 'Forgets the facts of the host.',
  clear_host_errors: 'Failed hosts take part in the next play again.',
  reset_connection: 'Closes the connection; the next task opens a new one.',
  refresh_inventory: 'Reads the inventory again. Its hosts take part from the next play on.',
  noop: 'Does nothing.',
};
export const META_ACTIONS: readonly string[] = Object.keys(META);
