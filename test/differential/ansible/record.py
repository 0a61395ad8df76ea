"""Runs cases with Ansible and prints what happened, as JSON. Runs on the lab host; see ../record.ts.

Reads from stdin a list of {name, files, arguments, runs}. Ansible is imported once, and each run is a fork of this
process, because importing takes longer than most cases.
"""
import base64
import json
import os
import shutil
import stat
import sys
import tempfile
import traceback

ROOT = '/tmp/oracle'
HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.update({
    'ANSIBLE_CALLBACK_PLUGINS': HERE,
    'ANSIBLE_STDOUT_CALLBACK': 'oracle',
    'ANSIBLE_PYTHON_INTERPRETER': '/usr/bin/python3',
    'ANSIBLE_LOCALHOST_WARNING': 'false',
    'ANSIBLE_NOCOLOR': 'true',
    'LC_ALL': 'C.UTF-8',
})

from ansible.cli.playbook import PlaybookCLI  # noqa: E402
import ansible.executor.task_queue_manager  # noqa: E402,F401
import ansible.modules.copy  # noqa: E402,F401


def write(folder, files, state):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', newline='') as file:
            file.write(text.replace('{T}', state).replace('{P}', folder))


def run_once(folder, arguments, outcome):
    """Runs the playbook in a child process and returns its exit code."""
    child = os.fork()
    if child == 0:
        code = 250
        try:
            os.chdir(folder)
            os.environ['ORACLE_OUTCOME'] = outcome
            with open(outcome + '.log', 'w') as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
            cli = PlaybookCLI(['ansible-playbook', '-i', 'hosts.yml', 'site.yml', *[one.replace('{P}', folder) for one in arguments]])
            cli.parse()
            code = cli.run()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:
            traceback.print_exc()
            code = 4
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def listing(folder):
    """All files below a folder: their modes and contents."""
    found = {}
    for base, dirs, names in os.walk(folder):
        for name in sorted(dirs + names):
            path = os.path.join(base, name)
            info = os.lstat(path)
            entry = {'mode': '%04o' % stat.S_IMODE(info.st_mode)}
            if info.st_uid or info.st_gid:
                entry['owner'] = '%d:%d' % (info.st_uid, info.st_gid)
            if stat.S_ISLNK(info.st_mode):
                entry = {'link': os.readlink(path)}
            elif stat.S_ISREG(info.st_mode):
                with open(path, 'rb') as file:
                    data = file.read()
                try:
                    entry['content'] = data.decode()
                except UnicodeDecodeError:
                    entry['base64'] = base64.b64encode(data).decode()
            found[os.path.relpath(path, folder)] = entry
    return found


def one(case):
    root = tempfile.mkdtemp(dir=ROOT)
    folder, state = os.path.join(root, 'p'), os.path.join(root, 't')
    os.mkdir(folder)
    os.mkdir(state)
    write(folder, case['files'], state)
    runs, files, log = [], {}, ''
    for number in range(case['runs']):
        outcome = os.path.join(root, 'outcome%d' % number)
        code = run_once(folder, case['arguments'], outcome)
        seen = json.load(open(outcome)) if os.path.exists(outcome) else {'hosts': {}, 'said': {}}
        ran = any(sum(counts.values()) for counts in seen['hosts'].values())
        seen['exit'] = 'done' if code == 0 else 'failed' if ran else 'refused'
        if number == 0:
            files = listing(state)
            log = open(outcome + '.log').read()
        runs.append(seen)
    text = json.dumps({'runs': runs, 'files': files, 'log': log}).replace(state, '{T}').replace(folder, '{P}')
    shutil.rmtree(root)
    return json.loads(text)


def main():
    cases = json.load(sys.stdin)
    os.makedirs(ROOT, exist_ok=True)
    workers = []
    for worker in range(2):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            with os.fdopen(writer, 'w') as out:
                for case in cases[worker::2]:
                    out.write(json.dumps([case['name'], one(case)]) + '\n')
            os._exit(0)
        os.close(writer)
        workers.append((child, reader))
    outcomes = {}
    # A pipe holds 64 KiB: the second worker waits until the first is read, unless both are read in turn.
    import selectors
    selector = selectors.DefaultSelector()
    texts = {}
    for _, reader in workers:
        texts[reader] = b''
        selector.register(reader, selectors.EVENT_READ)
    while selector.get_map():
        for key, _ in selector.select():
            block = os.read(key.fd, 65536)
            texts[key.fd] += block
            if not block:
                selector.unregister(key.fd)
    for text in texts.values():
        outcomes.update(json.loads(line) for line in text.decode().splitlines())
    json.dump(outcomes, sys.stdout)


main()
