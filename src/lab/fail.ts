import { type Diagnostic, Failure } from '../core/diagnostic.ts';

/** A Failure of the lab. `hint` is an imperative; `detail` holds more lines, such as the end of a log. */
export function labFailure(message: string, more: Pick<Diagnostic, 'hint' | 'detail' | 'expected'> = {}): Failure {
  return new Failure({ code: 'E_LAB', message, ...more });
}
