"""A callback of Ansible that counts results as bringup does, and keeps what `debug` prints."""
import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: oracle
type: stdout
short_description: writes counts and messages to a file
description: See record.py.
"""
# bringup does not count these as tasks.
UNCOUNTED = ('include_tasks', 'include_role', 'import_tasks', 'import_role', 'meta',
             'validate_argument_spec')
COUNTS = ('ok', 'changed', 'skipped', 'failed', 'rescued', 'ignored')


def plain(value):
    return json.loads(json.dumps(value, default=str))


def text(value):
    return value if isinstance(value, str) else str(plain(value))


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'stdout'
    CALLBACK_NAME = 'oracle'

    def __init__(self):
        super().__init__()
        self.hosts, self.said = {}, {}

    def count(self, result, status):
        if result._task.name == 'Gathering Facts' and self.action(result) == 'gather_facts':
            return
        if self.action(result) in UNCOUNTED and status in ('ok', 'changed') or self.action(result) == 'meta':
            return
        self.hosts.setdefault(result._host.get_name(), dict.fromkeys(COUNTS, 0))[status] += 1

    def action(self, result):
        return result._task.action.rsplit('.', 1)[-1]

    def say(self, result):
        host, variable, result = result._host.get_name(), result._task.args.get('var'), result._result
        # Everything else in the result of a loop's item belongs to the loop.
        own = ['msg'] if 'msg' in result else [k for k in result if k == variable]
        shown = [text(result[k]) if k == 'msg' else '%s = %s' % (k, text(result[k])) for k in own]
        if shown:
            self.said.setdefault(host, []).append('\n'.join(shown))

    def v2_runner_on_ok(self, result):
        self._display.display('ok %s %s' % (result._task.get_name(), plain(result._result)))
        self.count(result, 'changed' if result._result.get('changed') else 'ok')
        if self.action(result) == 'debug' and 'results' not in result._result:
            self.say(result)

    def v2_runner_item_on_ok(self, result):
        if self.action(result) == 'debug':
            self.say(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._display.display('failed %s %s' % (result._task.get_name(), plain(result._result)))
        if ignore_errors:
            self.count(result, 'ignored')

    def v2_runner_item_on_failed(self, result):
        self._display.display('failed %s %s' % (result._task.get_name(), plain(result._result)))

    def v2_runner_on_unreachable(self, result):
        self._display.display('unreachable %s %s' % (result._task.get_name(), plain(result._result)))

    def v2_runner_on_skipped(self, result):
        self.count(result, 'skipped')

    def v2_playbook_on_stats(self, stats):
        for host in stats.processed:
            counts = self.hosts.setdefault(host, dict.fromkeys(COUNTS, 0))
            counts['failed'] = stats.failures.get(host, 0)
            counts['rescued'] = stats.rescued.get(host, 0)
        with open(os.environ['ORACLE_OUTCOME'], 'w') as file:
            json.dump({'hosts': self.hosts, 'said': self.said}, file, sort_keys=True)
