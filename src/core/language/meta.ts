/** The actions of `meta:`. */
export const META_ACTIONS: readonly string[] = [
  'flush_handlers',
  'end_host',
  'end_play',
  'end_batch',
  'end_role',
  'clear_facts',
  'clear_host_errors',
  'reset_connection',
  'noop',
];
