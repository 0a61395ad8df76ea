// A user's entry in /etc/shadow: the password's hash and lock, and the expiry of password and account.
import type { Change } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';

type Wanted = Readonly<{
  name: string;
  password?: string;
  update_password: 'always' | 'on_create';
  password_lock?: boolean;
  password_expire_max?: number;
  password_expire_min?: number;
  /** Seconds since 1970. A negative value means never. */
  expires?: number;
}>;

export type Shadow = Readonly<{
  /** undefined if the file is not readable. */
  hash: string | undefined;
  /** In days. '' if the account does not expire. */
  expires: string;
  min: string;
  max: string;
}>;

export function parseShadow(line: string | undefined): Shadow {
  const [, hash, , min = '', max = '', , , expires = ''] = line?.split(':') ?? [];
  return { hash, expires, min, max };
}

/** For a user that was just created. */
export function newShadow(given: Wanted): Script {
  const { name, password, password_lock } = given;
  return sh`${password === undefined ? sh`:` : setPassword(name, password)}
${aging(given)}
${password_lock === true ? lock(name) : sh`:`}`;
}

export function planShadow({ hash = '', expires, min, max }: Shadow, given: Wanted): readonly Change[] {
  const { name, password, update_password, password_lock } = given;
  const steps: Change[] = [];
  const bare = hash.replace(/^!(?=.)/, '');
  const isLocked = hash.startsWith('!');
  if (
    password !== undefined &&
    update_password === 'always' &&
    password !== hash &&
    !(password_lock === true && password === bare)
  ) {
    steps.push({
      what: `user ${name}: password`,
      run: sh`set -e
${setPassword(name, password)}
${password_lock === true ? lock(name) : sh`:`}`,
    });
  } else if (password_lock === true && !isLocked)
    steps.push({ what: `user ${name}: lock the password`, run: lock(name) });
  else if (password_lock === false && isLocked && bare !== hash)
    steps.push({ what: `user ${name}: unlock the password`, run: sh`usermod -U -- ${name}` });
  const day =
    given.expires === undefined ? undefined : given.expires < 0 ? '' : String(Math.floor(given.expires / 86_400));
  const isAged =
    (day !== undefined && day !== expires) ||
    (given.password_expire_min !== undefined && String(given.password_expire_min) !== min) ||
    (given.password_expire_max !== undefined && String(given.password_expire_max) !== max);
  if (isAged) steps.push({ what: `user ${name}: expiry`, run: aging(given) });
  return steps;
}

/** The hash goes through stdin, because every user on the host can read arguments. */
function setPassword(name: string, hash: string): Script {
  return sh`printf '%s:%s\n' ${name} ${hash} | chpasswd -e`;
}

function aging({ name, expires, password_expire_min: min, password_expire_max: max }: Wanted): Script {
  const days = expires === undefined ? [] : ['-E', expires < 0 ? '-1' : String(Math.floor(expires / 86_400))];
  const options = [
    ...days,
    ...(min === undefined ? [] : ['-m', String(min)]),
    ...(max === undefined ? [] : ['-M', String(max)]),
  ];
  return options.length === 0 ? sh`:` : sh`chage ${options} -- ${name}`;
}

function lock(name: string): Script {
  return sh`usermod -L -- ${name}`;
}
