
/*
 * Clients of the stream, by user, and what is sent to them.
 *
 * A text is written once and shared: a client has but a buffer that points to
 * it, and keeps those buffers for the next ones.  What a client has not taken
 * stays here as long as nginx could not send what it was given before.
 */


#include "ngx_notify_stream.h"


typedef struct {
    ngx_buf_t           buf;      /* first */
    ngx_notify_text_t  *text;
} ngx_notify_buf_t;


static void ngx_notify_user_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_rbtree_key_t ngx_notify_user_key(const u_char id[16]);
static void ngx_notify_client_detach(ngx_notify_client_t *client);
static void ngx_notify_client_cleanup(void *data);
static void ngx_notify_client_write_handler(ngx_http_request_t *r);
static ngx_int_t ngx_notify_client_sent(ngx_notify_client_t *client,
    ngx_int_t rc);
static ngx_int_t ngx_notify_client_wait(ngx_notify_client_t *client);
static void ngx_notify_client_dirty(ngx_notify_client_t *client);


ngx_uint_t  ngx_notify_nclients;

static ngx_rbtree_t       ngx_notify_users;
static ngx_rbtree_node_t  ngx_notify_users_sentinel;
static ngx_uint_t         ngx_notify_nusers;
static ngx_queue_t        ngx_notify_ring;
static ngx_queue_t        ngx_notify_dirty;


void
ngx_notify_clients_init(void)
{
    ngx_rbtree_init(&ngx_notify_users, &ngx_notify_users_sentinel,
                    ngx_notify_user_insert);

    ngx_queue_init(&ngx_notify_ring);
    ngx_queue_init(&ngx_notify_dirty);
}


static void
ngx_notify_user_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_int_t            rc;
    ngx_rbtree_node_t  **p;

    for ( ;; ) {

        if (node->key != temp->key) {
            rc = (node->key < temp->key) ? -1 : 1;

        } else {
            rc = ngx_memcmp(((ngx_notify_user_t *) node)->id,
                            ((ngx_notify_user_t *) temp)->id, 16);
        }

        p = (rc < 0) ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


/* the end of a UUID is random */

static ngx_rbtree_key_t
ngx_notify_user_key(const u_char id[16])
{
    ngx_rbtree_key_t  key;

    ngx_memcpy(&key, id + 16 - sizeof(key), sizeof(key));

    return key;
}


ngx_notify_user_t *
ngx_notify_user_find(const u_char id[16])
{
    ngx_int_t           rc;
    ngx_rbtree_key_t    key;
    ngx_rbtree_node_t  *node;

    key = ngx_notify_user_key(id);
    node = ngx_notify_users.root;

    while (node != &ngx_notify_users_sentinel) {

        if (key != node->key) {
            rc = (key < node->key) ? -1 : 1;

        } else {
            rc = ngx_memcmp(id, ((ngx_notify_user_t *) node)->id, 16);
        }

        if (rc == 0) {
            return (ngx_notify_user_t *) node;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


char *
ngx_notify_users_array(void)
{
    u_char             *p, *array;
    ngx_rbtree_node_t  *node;

    array = ngx_alloc(ngx_notify_nusers * (NGX_API_UUID_LEN + 1)
                      + sizeof("{}"), ngx_cycle->log);
    if (array == NULL) {
        return NULL;
    }

    p = array;
    *p++ = '{';

    if (ngx_notify_nusers) {
        node = ngx_rbtree_min(ngx_notify_users.root,
                              &ngx_notify_users_sentinel);

        while (node) {
            p = ngx_api_uuid_format(p, ((ngx_notify_user_t *) node)->id);
            node = ngx_rbtree_next(&ngx_notify_users, node);
            *p++ = node ? ',' : '}';
        }

    } else {
        *p++ = '}';
    }

    *p = '\0';

    return (char *) array;
}


ngx_notify_client_t *
ngx_notify_client_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_notify_client_t  *client;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_notify_client_t));
    if (cln == NULL) {
        return NULL;
    }

    client = cln->data;
    ngx_memzero(client, sizeof(ngx_notify_client_t));

    client->request = r;
    client->conf = ngx_http_get_module_loc_conf(r, ngx_notify_module);
    client->last = &client->out;

    cln->handler = ngx_notify_client_cleanup;

    ngx_http_set_ctx(r, client, ngx_notify_module);

    return client;
}


ngx_int_t
ngx_notify_client_admit(ngx_notify_client_t *client, const u_char id[16])
{
    ngx_notify_user_t  *user;

    user = ngx_notify_user_find(id);

    return user && user->n >= client->conf->stream_max ? NGX_DECLINED : NGX_OK;
}


ngx_int_t
ngx_notify_client_attach(ngx_notify_client_t *client, const u_char id[16])
{
    ngx_notify_user_t  *user;

    if (ngx_notify_client_admit(client, id) != NGX_OK) {
        return NGX_DECLINED;
    }

    user = ngx_notify_user_find(id);

    if (user == NULL) {
        user = ngx_calloc(sizeof(ngx_notify_user_t), ngx_cycle->log);
        if (user == NULL) {
            return NGX_ERROR;
        }

        user->node.key = ngx_notify_user_key(id);
        ngx_memcpy(user->id, id, 16);
        ngx_queue_init(&user->clients);

        ngx_rbtree_insert(&ngx_notify_users, &user->node);
        ngx_notify_nusers++;
    }

    client->user = user;
    client->request->write_event_handler = ngx_notify_client_write_handler;

    ngx_queue_insert_tail(&user->clients, &client->of_user);
    user->n++;

    ngx_queue_insert_tail(&ngx_notify_ring, &client->ring);
    ngx_notify_nclients++;
    ngx_api_metric_inc(&ngx_notify_stream_clients);

    return NGX_OK;
}


/* nothing more comes to it; what it was given is still sent */

static void
ngx_notify_client_detach(ngx_notify_client_t *client)
{
    ngx_notify_user_t  *user;

    user = client->user;

    if (user == NULL) {
        return;
    }

    ngx_notify_resume_cancel(client);

    if (client->is_dirty) {
        ngx_queue_remove(&client->dirty);
        client->is_dirty = 0;
    }

    client->user = NULL;
    client->live = 0;

    ngx_queue_remove(&client->ring);
    ngx_notify_nclients--;
    ngx_api_metric_dec(&ngx_notify_stream_clients);

    ngx_queue_remove(&client->of_user);

    if (--user->n == 0) {
        ngx_rbtree_delete(&ngx_notify_users, &user->node);
        ngx_notify_nusers--;
        ngx_free(user);
    }
}


static void
ngx_notify_client_cleanup(void *data)
{
    ngx_notify_client_t *client = data;

    ngx_chain_t  *cl;

    ngx_notify_client_detach(client);

    for (cl = client->out; cl; cl = cl->next) {
        ngx_notify_text_release(((ngx_notify_buf_t *) cl->buf)->text);
    }

    for (cl = client->busy; cl; cl = cl->next) {
        ngx_notify_text_release(((ngx_notify_buf_t *) cl->buf)->text);
    }
}


ngx_notify_client_t *
ngx_notify_client_turn(void)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&ngx_notify_ring)) {
        return NULL;
    }

    q = ngx_queue_head(&ngx_notify_ring);

    ngx_queue_remove(q);
    ngx_queue_insert_tail(&ngx_notify_ring, q);

    return ngx_queue_data(q, ngx_notify_client_t, ring);
}


void
ngx_notify_clients_back(int64_t n)
{
    ngx_queue_t          *q;
    ngx_notify_client_t  *client;

    for (q = ngx_queue_head(&ngx_notify_ring);
         q != ngx_queue_sentinel(&ngx_notify_ring);
         q = ngx_queue_next(q))
    {
        client = ngx_queue_data(q, ngx_notify_client_t, ring);
        client->n = ngx_min(client->n, n);
    }
}


ngx_notify_text_t *
ngx_notify_text_create(size_t len)
{
    ngx_notify_text_t  *text;

    text = ngx_alloc(sizeof(ngx_notify_text_t) + len, ngx_cycle->log);

    if (text) {
        text->refs = 1;
        text->len = len;
        text->data = (u_char *) (text + 1);
    }

    return text;
}


void
ngx_notify_text_release(ngx_notify_text_t *text)
{
    if (--text->refs == 0) {
        ngx_free(text);
    }
}


void
ngx_notify_user_put(ngx_notify_user_t *user, int64_t n, ngx_notify_text_t *text)
{
    ngx_queue_t          *q;
    ngx_notify_client_t  *client;

    for (q = ngx_queue_head(&user->clients);
         q != ngx_queue_sentinel(&user->clients);
         q = ngx_queue_next(q))
    {
        client = ngx_queue_data(q, ngx_notify_client_t, of_user);

        if (!client->live || n <= client->n) {
            continue;
        }

        if (client->unsent > client->conf->stream_buffer) {

            /* one that takes nothing is dropped; one that got very much at
             * once reads it when it has taken what it was given */

            client->live = 0;
            client->slow = client->blocked;
            ngx_notify_client_dirty(client);
            continue;
        }

        if (ngx_notify_client_put(client, text) == NGX_OK) {
            client->n = n;

        } else {
            client->live = 0;
        }
    }
}


ngx_int_t
ngx_notify_client_put(ngx_notify_client_t *client, ngx_notify_text_t *text)
{
    ngx_buf_t     *b;
    ngx_pool_t    *pool;
    ngx_chain_t   *cl;

    pool = client->request->pool;

    cl = client->free;

    if (cl) {
        client->free = cl->next;

    } else {
        cl = ngx_alloc_chain_link(pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = ngx_palloc(pool, sizeof(ngx_notify_buf_t));
        if (cl->buf == NULL) {
            return NGX_ERROR;
        }
    }

    b = cl->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->tag = (ngx_buf_tag_t) &ngx_notify_module;
    b->start = text->data;
    b->pos = text->data;
    b->last = text->data + text->len;
    b->end = b->last;
    b->memory = 1;

    ((ngx_notify_buf_t *) b)->text = text;
    text->refs++;

    cl->next = NULL;
    *client->last = cl;
    client->last = &cl->next;

    client->unsent += text->len;

    ngx_notify_client_dirty(client);

    return NGX_OK;
}


static void
ngx_notify_client_dirty(ngx_notify_client_t *client)
{
    if (!client->is_dirty && client->user) {
        ngx_queue_insert_tail(&ngx_notify_dirty, &client->dirty);
        client->is_dirty = 1;
    }
}


void
ngx_notify_clients_flush(void)
{
    ngx_queue_t          *q;
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_notify_client_t  *client;

    while (!ngx_queue_empty(&ngx_notify_dirty)) {
        q = ngx_queue_head(&ngx_notify_dirty);

        client = ngx_queue_data(q, ngx_notify_client_t, dirty);
        r = client->request;
        c = r->connection;

        ngx_http_set_log_request(c->log, r);

        switch (ngx_notify_client_flush(client)) {

        case NGX_OK:
            ngx_notify_resume(client);
            break;

        case NGX_ERROR:
            ngx_http_finalize_request(r, NGX_ERROR);
            break;
        }

        ngx_http_run_posted_requests(c);
    }
}


ngx_int_t
ngx_notify_client_flush(ngx_notify_client_t *client)
{
    ngx_int_t             rc;
    ngx_chain_t          *cl, **ll;
    ngx_http_request_t   *r;

    r = client->request;

    if (client->is_dirty) {
        ngx_queue_remove(&client->dirty);
        client->is_dirty = 0;
    }

    if (client->slow) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client reads its stream too slowly: %uz bytes wait",
                      client->unsent);
        return NGX_ERROR;
    }

    if (client->blocked) {
        return NGX_AGAIN;
    }

    if (client->out == NULL) {
        return NGX_OK;
    }

    cl = client->out;

    for (ll = &client->busy; *ll; ll = &(*ll)->next) { /* void */ }

    *ll = cl;

    while (cl->next) {
        cl = cl->next;
    }

    cl->buf->flush = 1;
    cl->buf->last_buf = client->ends;

    cl = client->out;

    client->out = NULL;
    client->last = &client->out;

    rc = ngx_http_output_filter(r, cl);

    return ngx_notify_client_sent(client, rc);
}


/* what was sent is let go of; rc: of the output filter */

static ngx_int_t
ngx_notify_client_sent(ngx_notify_client_t *client, ngx_int_t rc)
{
    ngx_chain_t       *cl;
    ngx_event_t       *wev;
    ngx_notify_buf_t  *b;

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    while (client->busy) {
        cl = client->busy;

        if (ngx_buf_size(cl->buf) != 0) {
            break;
        }

        b = (ngx_notify_buf_t *) cl->buf;

        client->unsent -= b->text->len;
        ngx_notify_text_release(b->text);

        client->busy = cl->next;
        cl->next = client->free;
        client->free = cl;
    }

    wev = client->request->connection->write;

    if (rc == NGX_AGAIN || client->busy) {
        client->blocked = 1;
        return ngx_notify_client_wait(client);
    }

    client->blocked = 0;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_notify_client_wait(ngx_notify_client_t *client)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = client->request->connection->write;

    clcf = ngx_http_get_module_loc_conf(client->request, ngx_http_core_module);

    /* limit_rate has set a timer of its own */

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_notify_client_write_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_event_t          *wev;
    ngx_notify_client_t  *client;

    client = ngx_http_get_module_ctx(r, ngx_notify_module);
    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!client->blocked) {
        return;
    }

    if (wev->delayed) {
        rc = ngx_notify_client_wait(client);

    } else {
        rc = ngx_notify_client_sent(client, ngx_http_output_filter(r, NULL));

        if (rc == NGX_OK) {
            rc = ngx_notify_client_flush(client);
        }
    }

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);

    } else if (rc == NGX_OK) {
        ngx_notify_resume(client);
    }
}


void
ngx_notify_client_finish(ngx_notify_client_t *client, ngx_notify_text_t *text)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_notify_client_detach(client);

    rc = NGX_ERROR;

    if (!client->blocked
        && ngx_notify_client_put(client, text) == NGX_OK)
    {
        client->ends = 1;
        rc = ngx_notify_client_flush(client);
    }

    /* nobody waits for a client in a worker that is about to exit */

    if (rc == NGX_AGAIN && ngx_exiting) {
        rc = NGX_ERROR;
    }

    ngx_http_finalize_request(r, rc);

    ngx_http_run_posted_requests(c);
}
