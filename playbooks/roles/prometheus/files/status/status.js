// The status page of the rack. All data come from the Prometheus server that serves this page.
const EVERY = 10_000;
const ABOUT = await fetch('rack.json').then((r) => r.json());

const QUERIES = {
  up: 'up',
  cpu: '100 * (1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle"}[5m])))',
  memory: '100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)',
  disk: '100 * (1 - node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes{mountpoint="/"})',
  boot: 'time() - rack_boot_time_seconds',
  reboot: 'rack_reboot_required',
  probes: 'probe_success',
  took: 'avg_over_time(probe_duration_seconds{job="site"}[5m])',
  backends: 'haproxy_server_status == 1',
  sessions: 'haproxy_server_current_sessions{proxy="web"}',
  vip: `node_network_address_info{address="${ABOUT.vip || 'none'}"}`,
  dbup: 'mysql_up',
  readonly: 'mysql_global_variables_read_only',
  lag: 'mysql_slave_status_seconds_behind_source or mysql_slave_status_seconds_behind_master',
  io: 'mysql_slave_status_replica_io_running or mysql_slave_status_slave_io_running',
  sql: 'mysql_slave_status_replica_sql_running or mysql_slave_status_slave_sql_running',
  questions: 'rate(mysql_global_status_questions[5m])',
  connections: 'mysql_global_status_threads_connected',
  certificates: '(min by (host, path) (rack_certificate_expiry_seconds) - time()) / 86400',
  https: '(min by (instance) (probe_ssl_earliest_cert_expiry) - time()) / 86400',
};
const CURVES = [
  ['Requests', '/s', 'sum(rate(haproxy_backend_http_responses_total{proxy="web"}[2m]))'],
  ['Errors', '/s', 'sum(rate(haproxy_backend_http_responses_total{proxy="web",code="5xx"}[2m]))', true],
  ['Response time', ' ms', '1000 * max(probe_duration_seconds{job="site"})'],
];

const api = async (path, parameters = {}) => {
  const answer = await fetch(`../api/v1/${path}?${new URLSearchParams(parameters)}`, { cache: 'no-store' });
  const { status, data, error } = await answer.json();
  if (status !== 'success') throw new Error(error);
  return data;
};
const ask = async (query) =>
  (await api('query', { query })).result.map(({ metric, value }) => ({ ...metric, value: Number(value[1]) }));
const of = (rows, labels) => rows.find((row) => Object.entries(labels).every(([name, value]) => row[name] === value))?.value;

/** Creates an element: make('p', 'class', child, …). Strings become text nodes, never markup. */
const make = (tag, kind, ...children) => {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.append(...children.filter((child) => child !== undefined));
  return element;
};
const row = (name, value, kind) => make('p', 'row', make('span', '', name), make('span', kind ? `${kind}-text` : '', value));
const card = (title, what, state, ...rest) =>
  make('article', `card ${state.kind === 'good' ? '' : state.kind}`, make('h3', '', title, make('small', '', what), make('span', `pill ${state.kind}`, state.word)), ...rest);
const show = (id, ...children) => document.getElementById(id).replaceChildren(...children);
const good = (word) => ({ kind: 'good', word });
const warn = (word) => ({ kind: 'warn', word });
const bad = (word) => ({ kind: 'bad', word });

const number = (value, digits = 0) => (value === undefined || Number.isNaN(value) ? '–' : value.toLocaleString('en', { maximumFractionDigits: digits }));
const lasting = (seconds) => {
  if (seconds === undefined) return '–';
  const [days, hours, minutes] = [seconds / 86400, seconds / 3600, seconds / 60].map(Math.floor);
  return days > 1 ? `${days} days` : hours > 1 ? `${hours} h` : minutes > 1 ? `${minutes} min` : `${Math.max(0, Math.round(seconds))} s`;
};
const bar = (name, value, warnAt, badAt) => {
  const fill = make('b', value >= badAt ? 'bad' : value >= warnAt ? 'warn' : '');
  fill.style.width = `${Math.min(100, Math.max(0, value ?? 0))}%`;
  return make('p', 'bar', make('span', '', name), make('i', '', fill), make('span', '', `${number(value)} %`));
};

/** Turns `code` between backquotes into code elements. */
const prose = (text) => text.split('`').map((part, index) => (index % 2 ? make('code', '', part) : part));

function alertsSeen(alerts) {
  const order = ['critical', 'warning', 'info'];
  const firing = alerts.filter((a) => a.state === 'firing' && a.labels.alertname !== 'Heartbeat');
  const gone = new Set(firing.filter((a) => a.labels.alertname === 'HostDown').map((a) => a.labels.host));
  const told = firing
    .filter((a) => a.labels.alertname === 'HostDown' || !gone.has(a.labels.host))
    .sort((a, b) => order.indexOf(a.labels.severity) - order.indexOf(b.labels.severity));
  show('alerts', ...told.map((a) =>
    make('article', `card alert ${a.labels.severity}`,
      make('h3', '', a.annotations.summary),
      make('p', 'todo', ...prose(a.annotations.runbook ?? '')),
      make('p', '', `${a.labels.alertname} for ${lasting((Date.now() - Date.parse(a.activeAt)) / 1000)}`))));
  const count = told.filter((a) => a.labels.severity !== 'info').length;
  const pending = alerts.filter((a) => a.state === 'pending').length;
  const isBad = told.some((a) => a.labels.severity === 'critical');
  const verdict = count > 0 ? `${count} alert${count === 1 ? '' : 's'}` : pending > 0 ? 'alerts pending …' : 'All systems operational';
  const pill = document.getElementById('verdict');
  pill.className = `pill ${isBad ? 'bad' : count + pending > 0 ? 'warn' : 'good'}`;
  pill.textContent = verdict;
  document.title = `${count > 0 ? `(${count}) ` : ''}${new URL(ABOUT.site).hostname}`;
}

function hostsSeen(seen) {
  show('hosts', ...ABOUT.hosts.map((host) => {
    const jobs = seen.up.filter((r) => r.host === host && r.job !== 'name');
    const down = jobs.filter((r) => r.value === 0);
    const state = jobs.length === 0 ? bad('not monitored') : down.length === jobs.length ? bad('down') : down.length > 0 ? warn(`no ${[...new Set(down.map((r) => r.job))].join(', ')}`) : good('up');
    const roles = ['lb', 'web', 'db'].filter((role) => ABOUT[role].includes(host)).join(' ');
    if (state.word === 'down') return card(host, roles, state);
    return card(host, roles, state,
      bar('CPU', of(seen.cpu, { host }), 80, 95),
      bar('Memory', of(seen.memory, { host }), 85, 92),
      bar('Disk', of(seen.disk, { host }), 80, 90),
      row('Uptime', lasting(of(seen.boot, { host }))),
      of(seen.reboot, { host }) === 1 ? row('Reboot', 'required', 'warn') : undefined);
  }));
}

function pathSeen(seen) {
  show('path', nameCard(seen), ...ABOUT.lb.map((host) => balancerCard(seen, host)), ...ABOUT.db.map((host) => databaseCard(seen, host)), certificateCard(seen));
}

function nameCard(seen) {
  const names = seen.probes.filter((r) => r.job === 'name');
  const pages = seen.probes.filter((r) => r.job === 'site');
  const ok = [...names, ...pages].every((r) => r.value === 1);
  return card('The site', '', pages.some((r) => r.value === 0) ? bad('down') : ok ? good('up') : warn('DNS mismatch'),
    ...names.map((r) => row(`Name server ${r.host}`, r.value === 1 ? 'correct' : 'wrong answer', r.value === 1 ? 'good' : 'bad')),
    ...pages.map((r) => row(new URL(r.instance).pathname, r.value === 1 ? `${number(1000 * of(seen.took, { instance: r.instance }))} ms` : 'no answer', r.value === 1 ? undefined : 'bad')));
}

function balancerCard(seen, host) {
  const rows = seen.backends.filter((r) => r.host === host && r.proxy === 'web');
  const holds = seen.vip.some((r) => r.host === host);
  const answers = of(seen.up, { job: 'haproxy', host });
  const up = answers === 1;
  const out = rows.filter((r) => r.state !== 'UP').length;
  return card(host, holds ? 'active' : ABOUT.vip ? 'standby' : 'load balancer', answers === undefined ? warn('no data') : !up ? bad('down') : out === rows.length ? bad('no web server up') : out > 0 ? warn(`${out} down`) : good('up'),
    ...(up ? rows : []).map((r) => row(r.server, r.state === 'UP' ? `up, ${number(of(seen.sessions, { host, server: r.server }))} sessions` : r.state.toLowerCase(), r.state === 'UP' ? 'good' : 'bad')));
}

function databaseCard(seen, host) {
  const answers = of(seen.dbup, { host });
  const up = answers === 1;
  const writable = of(seen.readonly, { host }) === 0;
  const lag = of(seen.lag, { host });
  const runs = of(seen.io, { host }) === 1 && of(seen.sql, { host }) === 1;
  const state = answers === undefined ? warn('no data') : !up ? bad('down') : writable ? good('up') : !runs ? bad('replication stopped') : lag > 30 ? warn('lagging') : good('replicating');
  return card(host, up ? (writable ? 'primary' : 'replica') : 'database', state,
    ...(up ? [
      row('Writable', writable ? 'yes' : 'no'),
      writable ? undefined : row('Lag', runs ? `${number(lag)} s` : 'unknown', runs ? undefined : 'bad'),
      row('Queries', `${number(of(seen.questions, { host }), 1)} /s`),
      row('Connections', number(of(seen.connections, { host }))),
    ] : []));
}

function certificateCard(seen) {
  const all = [...seen.https.map((r) => ({ name: new URL(r.instance).hostname, value: r.value })), ...seen.certificates.map((r) => ({ name: `${r.host} ${r.path.split('/').pop()}`, value: r.value }))];
  const unique = [...new Map(all.map((r) => [r.name, r])).values()].sort((a, b) => a.value - b.value);
  const kind = (days) => (days < 3 ? 'bad' : days < 14 ? 'warn' : undefined);
  const first = unique[0]?.value;
  return card('Certificates', '', first === undefined ? good('none') : kind(first) ? { kind: kind(first), word: `${number(first)} days` } : good(`${number(first)} days`),
    ...unique.slice(0, 6).map((r) => row(r.name, `${number(r.value)} days`, kind(r.value))));
}

const SVG = 'http://www.w3.org/2000/svg';
function curve(points, isBad) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 100 30');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  if (isBad && points.some(([, y]) => y > 0)) svg.classList.add('bad');
  if (points.length < 2) return svg;
  const end = Date.now() / 1000;
  const top = Math.max(...points.map(([, y]) => y)) || 1;
  const line = points.map(([t, y]) => `${(100 - (end - t) / 36).toFixed(2)},${(29 - (27 * y) / top).toFixed(2)}`);
  for (const [kind, tag, at] of [
    ['area', 'polygon', `${line[0].split(',')[0]},30 ${line.join(' ')} ${line.at(-1).split(',')[0]},30`],
    ['line', 'polyline', line.join(' ')],
  ]) {
    const shape = document.createElementNS(SVG, tag);
    shape.setAttribute('class', kind);
    shape.setAttribute('points', at);
    svg.append(shape);
  }
  return svg;
}

async function traffic() {
  const end = Date.now() / 1000;
  const results = await Promise.all(CURVES.map(([, , query]) => api('query_range', { query, start: end - 3600, end, step: 30 })));
  show('traffic', ...CURVES.map(([name, unit, , isBad], index) => {
    const points = (results[index].result[0]?.values ?? []).map(([t, y]) => [t, Number(y)]).filter(([, y]) => Number.isFinite(y));
    const now = points.at(-1)?.[1] ?? (isBad ? 0 : undefined);
    const peak = points.length > 0 ? Math.max(...points.map(([, y]) => y)) : undefined;
    return make('article', 'card', make('p', 'row', make('span', '', name), make('span', '', `peak ${number(peak, 1)}${unit}`)), make('p', 'big', number(now, 1), make('small', '', unit)), curve(points, isBad));
  }));
}

async function look() {
  try {
    const names = Object.keys(QUERIES);
    const [alerts, , ...answers] = await Promise.all([api('alerts'), traffic(), ...names.map((name) => ask(QUERIES[name]))]);
    const seen = Object.fromEntries(names.map((name, index) => [name, answers[index]]));
    alertsSeen(alerts.alerts);
    pathSeen(seen);
    hostsSeen(seen);
    show('when', `as of ${new Date().toLocaleTimeString()}`);
  } catch (error) {
    const pill = document.getElementById('verdict');
    pill.className = 'pill bad';
    pill.textContent = 'Prometheus does not answer';
    show('when', String(error.message));
  }
}

const link = make('a', '', new URL(ABOUT.site).hostname);
link.href = ABOUT.site;
show('site', link);
await look();
setInterval(() => document.hidden || look(), EVERY);
document.addEventListener('visibilitychange', () => document.hidden || look());
