// What snmpd asks for the ports of a PoE switch (pass_persist): pethPsePortAdminEnable of two ports. argv: STATE
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , file] = process.argv;
const BASE = '.1.3.6.1.2.1.105.1.1.1.3.1.';
const state = () => JSON.parse(readFileSync(file, 'utf8'));
const say = (text) => process.stdout.write(`${text}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => (await lines.next()).value;
const portOf = (oid) =>
  ['1', '2'].includes(oid.slice(BASE.length)) && oid.startsWith(BASE) ? oid.slice(BASE.length) : undefined;

for (let word = await next(); word !== undefined; word = await next()) {
  if (word === 'PING') say('PONG');
  else if (word === 'get') {
    const oid = await next();
    const port = portOf(oid);
    say(port === undefined ? 'NONE' : `${oid}\ninteger\n${state()[port] ?? 1}`);
  } else if (word === 'set') {
    const port = portOf(await next());
    const [type, value] = (await next()).split(' ');
    if (port === undefined) say('not-writable');
    else if (type !== 'integer' || !['1', '2'].includes(value)) say('wrong-value');
    else {
      writeFileSync(file, JSON.stringify({ ...state(), [port]: Number(value) }));
      say('DONE');
    }
  } else say('NONE');
}
