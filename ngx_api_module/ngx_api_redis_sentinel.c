
/*
 * Sentinels, which know where Redis's master is.  One is asked before each
 * connection; and the server that it names is asked whether it is the master
 * indeed, since for a moment after a failover Sentinels know it from before.
 * So is one whose address is told: it may have passed to a replica.
 */


#include "ngx_api_redis_conn.h"


static const char *ngx_api_redis_sentinel_master(ngx_api_redis_conn_t *conn,
    const redisReply *host, const redisReply *port);
static const char *ngx_api_redis_sentinel_role(const redisReply *reply);


int
ngx_api_redis_sentinel(const ngx_api_redis_conn_t *conn, const char **args,
    size_t *lens)
{
    if (!conn->asking) {

        /* ROLE would tell as well, but is denied to users of restricted ACLs */

        args[0] = "HELLO";
        lens[0] = sizeof("HELLO") - 1;
        args[1] = "2";
        lens[1] = 1;

        return 2;
    }

    args[0] = "SENTINEL";
    lens[0] = sizeof("SENTINEL") - 1;
    args[1] = "get-master-addr-by-name";
    lens[1] = sizeof("get-master-addr-by-name") - 1;
    args[2] = (char *) conn->conf->sentinel.data;
    lens[2] = conn->conf->sentinel.len;

    return 3;
}


const char *
ngx_api_redis_sentinel_answer(ngx_api_redis_conn_t *conn,
    const redisReply *reply)
{
    if (!conn->asking) {
        return ngx_api_redis_sentinel_role(reply);
    }

    if (reply->type == REDIS_REPLY_NIL) {
        return "no master of this name";
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return "an answer of no known form";
    }

    return ngx_api_redis_sentinel_master(conn, reply->element[0],
                                         reply->element[1]);
}


/* a name can't be resolved here: nothing may wait for a name server */

static const char *
ngx_api_redis_sentinel_master(ngx_api_redis_conn_t *conn,
    const redisReply *host, const redisReply *port)
{
    u_char     *text;
    size_t      len;
    in_addr_t   addr;
    ngx_int_t   n;

    text = (u_char *) host->str;
    len = (size_t) host->len;

    n = ngx_atoi((u_char *) port->str, (size_t) port->len);

    if (n < 1 || n > 65535) {
        return "the master's port is none";
    }

    ngx_memzero(&conn->sockaddr, sizeof(ngx_sockaddr_t));

    addr = ngx_inet_addr(text, len);

    if (addr != INADDR_NONE) {
        conn->sockaddr.sockaddr_in.sin_addr.s_addr = addr;
        conn->sockaddr.sockaddr.sa_family = AF_INET;
        conn->master.socklen = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)
    } else if (ngx_inet6_addr(text, len,
                              conn->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        conn->sockaddr.sockaddr.sa_family = AF_INET6;
        conn->master.socklen = sizeof(struct sockaddr_in6);
#endif

    } else {
        return "the master goes by a name, not by an address:"
               " \"sentinel announce-hostnames\" must be off";
    }

    conn->master.sockaddr = &conn->sockaddr.sockaddr;
    ngx_inet_set_port(conn->master.sockaddr, (in_port_t) n);
    conn->found = 1;

    return NULL;
}


/* of HELLO's answer, names and values in turn */

static const char *
ngx_api_redis_sentinel_role(const redisReply *reply)
{
    size_t             i;
    const redisReply  *name, *value;

    for (i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements;
         i += 2)
    {
        name = reply->element[i];
        value = reply->element[i + 1];

        if (name->type == REDIS_REPLY_STRING
            && value->type == REDIS_REPLY_STRING
            && ngx_strcmp(name->str, "role") == 0)
        {
            return ngx_strcmp(value->str, "master") == 0
                   ? NULL : "it is no master";
        }
    }

    return "it does not say whether it is the master";
}
