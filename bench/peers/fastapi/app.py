"""The task API on FastAPI and asyncpg, as their documentation has it: each
worker process with a pool, dependencies, models of what comes and goes."""

import base64
import datetime
import json
import os
import time
from typing import List, Optional
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Extra, Field

LIMIT = 20

with open(os.environ['BENCH_KEY']) as f:
    KEY = f.read().rstrip('\n')

with open(os.environ['BENCH_SQL']) as f:
    SQL = json.load(f)

app = FastAPI(openapi_url=None)
bearer = HTTPBearer()


class TaskInput(BaseModel):
    title: str = Field(min_length=1, max_length=500)
    description: str = Field('', max_length=20000)

    class Config:
        extra = Extra.forbid


class Task(BaseModel):
    id: UUID
    project_id: UUID
    title: str
    description: str
    status: str
    priority: str
    labels: List[str]
    due_at: Optional[datetime.datetime]
    assignee_id: Optional[UUID]
    created_by: UUID
    completed_at: Optional[datetime.datetime]
    created_at: datetime.datetime
    updated_at: datetime.datetime
    version: int


class Page(BaseModel):
    data: List[Task]
    next_cursor: Optional[str]


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


async def user(credentials: HTTPAuthorizationCredentials = Depends(bearer)):
    """Who is calling."""

    try:
        claims = jwt.decode(
            credentials.credentials, KEY, algorithms=['HS256'], issuer='skep',
            audience='skep', options={'require': ['exp', 'sub']})
    except jwt.InvalidTokenError:
        raise HTTPException(401)

    return claims['sub']


def etag(response, row):
    response.headers['ETag'] = '"%d"' % row['version']


def uuid7():
    """UUIDv7, RFC 9562."""

    n = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), 'big')
    n = n & ~(0xf << 76) | 0x7 << 76
    n = n & ~(0x3 << 62) | 0x2 << 62

    return UUID(int=n)


@app.get('/v1/tasks/{id}', response_model=Task)
async def get(id: UUID, response: Response, caller: str = Depends(user)):
    row = await app.state.pool.fetchrow(SQL['get'], caller, id)
    if row is None:
        raise HTTPException(404)

    etag(response, row)
    return dict(row)


@app.get('/v1/tasks', response_model=Page)
async def get_page(caller: str = Depends(user)):
    rows = await app.state.pool.fetch(SQL['list'], caller, LIMIT + 1,
                                      None, None)
    cursor = None

    if len(rows) > LIMIT:
        rows.pop()
        cursor = base64.urlsafe_b64encode(rows[-1]['id'].bytes).decode()

    return {'data': [dict(row) for row in rows], 'next_cursor': cursor}


@app.post('/v1/tasks', status_code=201, response_model=Task)
async def create(new: TaskInput, response: Response,
                 caller: str = Depends(user)):
    row = await app.state.pool.fetchrow(
        SQL['create'], caller, uuid7(),
        datetime.datetime.now(datetime.timezone.utc), None, new.title,
        new.description, 'todo', 'none', [], None, None)

    if row['_outcome'] != 'ok':
        raise HTTPException(422, row['_outcome'])

    etag(response, row)
    response.headers['Location'] = '/v1/tasks/%s' % row['id']
    return dict(row)
