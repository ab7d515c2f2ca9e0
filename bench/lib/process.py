"""Processes that the bench starts: running, stopping and measuring them."""

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import time


class Failure(Exception):
    """Something that ends the run; its text is for the user."""


TICK = os.sysconf('SC_CLK_TCK')

started = []


def run(args, **options):
    """Runs a program to its end and returns what it printed."""

    done = subprocess.run([str(a) for a in args], text=True,
                          stdin=options.pop('stdin', subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode:
        raise Failure('%s failed:\n%s' % (args[0], done.stdout.strip()))

    return done.stdout


libc = ctypes.CDLL(None)

PR_SET_PDEATHSIG = 1


def start(name, args, log, stop=signal.SIGTERM, **options):
    """Starts a server, in a session of its own so that Ctrl-C is ours alone.

    Should we be killed, it is told to stop."""

    with open(log, 'ab') as out:
        process = subprocess.Popen(
            [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, start_new_session=True,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, int(stop)),
            **options)

    process.name = name
    process.log = log
    process.stop = stop
    started.append(process)

    return process


def stop_all():
    """Stops what start() started, the last first; what lingers is killed."""

    while started:
        process = started.pop()

        if process.poll() is None:
            process.send_signal(process.stop)

        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass

        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

        process.wait()


def check_alive():
    for process in started:
        if process.poll() is not None:
            with open(process.log, errors='replace') as log:
                tail = ''.join(log.readlines()[-10:])
            raise Failure('%s ended with status %d:\n%s'
                          % (process.name, process.returncode, tail))


def wait_for(what, ready, seconds=30):
    deadline = time.monotonic() + seconds

    while not ready():
        check_alive()
        if time.monotonic() > deadline:
            raise Failure('%s is not ready after %d s' % (what, seconds))
        time.sleep(0.05)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def unprivileged():
    """Options for subprocess to run as "postgres" when we are root."""

    if os.getuid():
        return {}

    try:
        user = pwd.getpwnam('postgres')
    except KeyError:
        raise Failure('no user "postgres": install the package postgresql')

    return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}


def tree(pid):
    """The process and all that descend from it: {pid: ticks of CPU time}.

    The ticks of a child that ended are those of its parent, once it was
    waited for."""

    parents, ticks = {}, {}

    for entry in os.listdir('/proc'):
        if not entry.isdigit():
            continue
        try:
            with open('/proc/%s/stat' % entry) as f:
                # the name may hold spaces; it ends at the last parenthesis
                fields = f.read().rpartition(')')[2].split()
        except OSError:
            continue
        parents[int(entry)] = int(fields[1])
        ticks[int(entry)] = sum(int(n) for n in fields[11:15])

    found = {}

    for candidate in parents:
        p = candidate
        while p in parents and p != pid:
            p = parents[p]
        if p == pid:
            found[candidate] = ticks[candidate]

    return found


def cpu(pid):
    """CPU seconds, user and system, that a tree of processes has used."""

    return sum(tree(pid).values()) / TICK


def others():
    """CPU seconds of all processes that are neither ours nor our children."""

    with open('/proc/stat') as f:
        user, nice, system = f.readline().split()[1:4]

    return (int(user) + int(nice) + int(system)) / TICK - cpu(os.getpid())


def memory(pids):
    """Resident bytes: the proportional set where we may read it, else RSS."""

    total = 0

    for pid in pids:
        try:
            total += (field('/proc/%d/smaps_rollup' % pid, 'Pss:')
                      or field('/proc/%d/status' % pid, 'VmRSS:'))
        except OSError:
            pass

    return total


def field(path, name):
    try:
        with open(path) as f:
            for line in f:
                if line.startswith(name):
                    return int(line.split()[1]) * 1024
    except PermissionError:
        pass

    return 0
