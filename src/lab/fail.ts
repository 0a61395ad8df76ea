import { type Diagnostic, Failure } from '../core/diagnostic.ts';

/**
 * A Failure of the lab, with an imperative that says how to fix it, and `detail` for more lines, such as the end of a
 * log.
 */
export function labFailure(message: string, more: Pick<Diagnostic, 'mend' | 'detail' | 'expected'> = {}): Failure {
  return new Failure({ code: 'E_LAB', message, ...more });
}
