"""Who is told of events: clients of the live stream, receivers of webhooks."""

import asyncio
import json
import resource
import select
import socket
import time

from .process import Failure

# between two changes whose way is measured
PAUSE = 0.025

# the first ones open connections and plan statements
WARM_UP = 20

# how long an event may take before it counts as lost
PATIENCE = 10


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def get(path, token):
    return ('GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n'
            % (path, token)).encode()


def post(path, token, body):
    body = json.dumps(body).encode()

    return ('POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n'
            'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n'
            % (path, token, len(body))).encode() + body


async def message(reader):
    """The first line and the body of a request or an answer."""

    head = (await reader.readuntil(b'\r\n\r\n')).decode()
    length = 0

    for line in head.split('\r\n')[1:]:
        name, unused, value = line.partition(':')
        if name.lower() == 'content-length':
            length = int(value)

    return head.split('\r\n')[0], await reader.readexactly(length)


class Latency:
    """One client that creates tasks, one that follows the stream, and a
    receiver: when each of them knew of which task."""

    def __init__(self, server, token):
        self.server = server
        self.token = token
        self.sent, self.answered = {}, {}
        self.streamed, self.received = {}, {}

    def run(self, seconds, register):
        """register(url) makes the webhook; {what: [seconds]} comes back."""

        asyncio.run(self.follow(seconds, register))

        tasks = list(self.sent)[WARM_UP:]
        lost = [t for t in tasks
                if t not in self.streamed or t not in self.received]

        if lost or not tasks:
            raise Failure('of %d tasks %d were not told of'
                          % (len(tasks), len(lost)))

        return {what: {'sent': [seen[t] - self.sent[t] for t in tasks],
                       'answered': [seen[t] - self.answered[t] for t in tasks]}
                for what, seen in (('stream', self.streamed),
                                   ('webhook', self.received))}

    async def follow(self, seconds, register):
        receiver = await asyncio.start_server(self.receive, '127.0.0.1', 0)
        register('http://127.0.0.1:%d/'
                 % receiver.sockets[0].getsockname()[1])

        began = asyncio.Event()
        stream = asyncio.ensure_future(self.stream(began))
        await asyncio.wait_for(began.wait(), PATIENCE)
        await self.create(seconds)

        deadline = time.monotonic() + PATIENCE
        while (time.monotonic() < deadline
               and not self.sent.keys() <= self.streamed.keys()
               & self.received.keys()):
            await asyncio.sleep(0.01)

        stream.cancel()
        receiver.close()

    async def create(self, seconds):
        reader, writer = await asyncio.open_connection('127.0.0.1',
                                                       self.server.port)
        deadline = time.monotonic() + seconds
        n = 0

        while time.monotonic() < deadline:
            n += 1
            start = time.monotonic()
            writer.write(post('/v1/tasks', self.token, {'title': 'Task %d' % n}))
            line, body = await message(reader)
            now = time.monotonic()

            if ' 201 ' not in line:
                raise Failure('a task was answered with "%s"' % line)

            task = json.loads(body)['id']
            self.sent[task], self.answered[task] = start, now
            await asyncio.sleep(PAUSE)

        writer.close()

    async def stream(self, began):
        reader, writer = await asyncio.open_connection('127.0.0.1',
                                                       self.server.port)
        writer.write(get('/v1/notifications/stream', self.token))

        while line := await reader.readline():
            if line.startswith(b': '):
                began.set()
            elif line.startswith(b'data: '):
                now = time.monotonic()
                self.streamed[json.loads(line[6:])['task_id']] = now

    async def receive(self, reader, writer):
        try:
            while True:
                unused, body = await message(reader)
                now = time.monotonic()
                writer.write(b'HTTP/1.1 204 No Content\r\n\r\n')
                self.received[json.loads(body)['data']['task']['id']] = now
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Crowd:
    """Many clients of the stream, each with its own token."""

    BATCH = 100

    def __init__(self, server, tokens):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        self.server = server
        self.poll = select.epoll()
        self.clients = {}

        for i in range(0, len(tokens), self.BATCH):
            batch = [self.connect(token) for token in tokens[i:i + self.BATCH]]
            self.wait(batch, b': ')

    def connect(self, token):
        client = socket.create_connection(('127.0.0.1', self.server.port))
        client.sendall(get('/v1/notifications/stream', token))
        client.setblocking(False)
        self.clients[client.fileno()] = client
        self.poll.register(client, select.EPOLLIN)

        return client.fileno()

    def wait(self, fds, text):
        """Until each of these has got the text; when the last one had."""

        waiting = set(fds)
        got = dict.fromkeys(fds, b'')
        deadline = time.monotonic() + PATIENCE

        while waiting and time.monotonic() < deadline:
            for fd, unused in self.poll.poll(0.1):
                data = self.clients[fd].recv(65536)
                if not data:
                    raise Failure('a stream has ended:\n'
                                  + got.get(fd, b'').decode())
                if fd in waiting:
                    got[fd] += data
                    if text in got[fd]:
                        waiting.remove(fd)
            last = time.monotonic()

        if waiting:
            raise Failure('%d of %d streams have not got "%s"'
                          % (len(waiting), len(got), text.decode()))

        return last

    def told(self, create):
        """create() makes an event for all; the seconds until all have it, from
        before and from after that call."""

        start = time.monotonic()
        create()
        answered = time.monotonic()
        last = self.wait(list(self.clients), b'\ndata: ')

        return {'sent': last - start, 'answered': last - answered}

    def close(self):
        for client in self.clients.values():
            client.close()
        self.poll.close()
