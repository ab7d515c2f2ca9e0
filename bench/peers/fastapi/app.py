"""The task API on FastAPI and asyncpg: each worker process with a pool."""

import base64
import datetime
import json
import os
import time
import uuid

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Extra, Field

LIMIT = 20

# no id is greater
LAST = uuid.UUID(int=2**128 - 1)

with open(os.environ['BENCH_KEY']) as f:
    KEY = f.read().rstrip('\n')

with open(os.environ['BENCH_SQL']) as f:
    SQL = json.load(f)

app = FastAPI(openapi_url=None)


class TaskInput(BaseModel):
    title: str = Field(min_length=1, max_length=500)
    description: str = Field('', max_length=20000)

    class Config:
        extra = Extra.forbid


@app.on_event('startup')
async def connect():
    size = int(os.environ.get('BENCH_POOL', 10))

    # a connection prepares each statement once; without jit because asyncpg's
    # look-up of the types would be compiled, for a second and 30 MB each

    app.state.pool = await asyncpg.create_pool(
        host=os.environ['PGHOST'], min_size=size, max_size=size,
        server_settings={'application_name': os.environ['PGAPPNAME'],
                         'jit': 'off'})


@app.on_event('shutdown')
async def disconnect():
    await app.state.pool.close()


tokens = {}


async def user(request: Request):
    """Who is calling; a token that was verified is remembered."""

    scheme, _, token = request.headers.get('authorization', '').partition(' ')
    if scheme != 'Bearer':
        raise HTTPException(401)

    claims = tokens.get(token)

    if claims is None:
        try:
            claims = jwt.decode(
                token, KEY, algorithms=['HS256'], issuer='skep',
                audience='skep', options={'require': ['exp', 'sub']})
        except jwt.InvalidTokenError:
            raise HTTPException(401)

        if len(tokens) >= 1000:
            tokens.clear()
        tokens[token] = claims

    elif claims['exp'] <= time.time():
        raise HTTPException(401)

    return claims['sub']


def plain(value):
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace('+00:00', 'Z')
    raise TypeError(type(value))


encode = json.JSONEncoder(default=plain, ensure_ascii=False,
                          separators=(',', ':')).encode


def answer(value, status=200, **headers):
    return Response(encode(value), status, headers,
                    media_type='application/json')


def task(row):
    return {name: value for name, value in row.items() if name[0] != '_'}


def etag(row):
    return '"%d"' % row['version']


def uuid7():
    """UUIDv7, RFC 9562."""

    n = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), 'big')
    n = n & ~(0xf << 76) | 0x7 << 76
    n = n & ~(0x3 << 62) | 0x2 << 62

    return uuid.UUID(int=n)


@app.get('/v1/tasks/{id}')
async def get(id: uuid.UUID, caller: str = Depends(user)):
    row = await app.state.pool.fetchrow(SQL['get'], caller, id)
    if row is None:
        raise HTTPException(404)

    return answer(task(row), ETag=etag(row))


@app.get('/v1/tasks')
async def get_page(caller: str = Depends(user)):
    rows = await app.state.pool.fetch(SQL['list'], caller, None, LIMIT + 1,
                                      LAST, LAST)
    cursor = None

    if len(rows) > LIMIT:
        rows.pop()
        cursor = base64.urlsafe_b64encode(rows[-1]['id'].bytes).decode()

    return answer({'data': [task(row) for row in rows],
                   'next_cursor': cursor})


@app.post('/v1/tasks')
async def create(new: TaskInput, caller: str = Depends(user)):
    row = await app.state.pool.fetchrow(
        SQL['create'], caller, uuid7(),
        datetime.datetime.now(datetime.timezone.utc), None, new.title,
        new.description, 'todo', 'none', [], None, None)

    if row['_outcome'] != 'ok':
        raise HTTPException(422, row['_outcome'])

    return answer(task(row), 201, ETag=etag(row),
                  Location='/v1/tasks/%s' % row['id'])
