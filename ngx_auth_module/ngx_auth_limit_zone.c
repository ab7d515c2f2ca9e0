
#include "ngx_auth_limit_zone.h"


/* evictions are told that often at most */
#define NGX_AUTH_LIMIT_TELL  NGX_AUTH_GCRA_SECOND


/*
 * All of one size, whatever the key's: so one that gives way always makes room
 * for another.
 */

typedef struct {
    ngx_rbtree_node_t        node;
    ngx_queue_t              queue;
    int64_t                  tat;
    u_char                   len;
    u_char                   key[NGX_AUTH_LIMIT_KEY_MAX];
} ngx_auth_limit_node_t;


struct ngx_auth_limit_keys_s {
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;         /* the last seen first */
    ngx_uint_t               evicted;       /* since told */
    int64_t                  told;
};


static ngx_int_t ngx_auth_limit_zone_start(ngx_shm_zone_t *shm, void *data);
static void ngx_auth_limit_zone_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_auth_limit_node_t *ngx_auth_limit_zone_find(
    ngx_auth_limit_keys_t *keys, uint32_t hash, const ngx_str_t *key);
static ngx_auth_limit_node_t *ngx_auth_limit_zone_add(
    ngx_auth_limit_zone_t *zone, uint32_t hash, const ngx_str_t *key,
    int64_t now);
static ngx_int_t ngx_auth_limit_zone_drop(ngx_auth_limit_zone_t *zone,
    int64_t until);


ngx_int_t
ngx_auth_limit_zone_init(ngx_conf_t *cf, ngx_auth_limit_zone_t *zone,
    ngx_str_t *name, size_t size, void *tag)
{
    ngx_shm_zone_t  *shm;

    shm = ngx_shared_memory_add(cf, name, size, tag);
    if (shm == NULL) {
        return NGX_ERROR;
    }

    if (shm->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate zone \"%V\"",
                           name);
        return NGX_ERROR;
    }

    shm->init = ngx_auth_limit_zone_start;
    shm->data = zone;

    zone->shm = shm;

    return NGX_OK;
}


static ngx_int_t
ngx_auth_limit_zone_start(ngx_shm_zone_t *shm, void *data)
{
    ngx_auth_limit_zone_t *old = data;

    ngx_auth_limit_zone_t  *zone;
    ngx_auth_limit_keys_t  *keys;

    zone = shm->data;

    if (old) {
        zone->keys = old->keys;
        zone->shpool = old->shpool;
        return NGX_OK;
    }

    zone->shpool = (ngx_slab_pool_t *) shm->shm.addr;

    keys = ngx_slab_calloc(zone->shpool, sizeof(ngx_auth_limit_keys_t));
    if (keys == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&keys->tree, &keys->sentinel, ngx_auth_limit_zone_insert);
    ngx_queue_init(&keys->queue);

    /* it is normal to run out of memory here */

    zone->shpool->log_nomem = 0;
    zone->shpool->data = keys;
    zone->keys = keys;

    return NGX_OK;
}


void
ngx_auth_limit_zone_take(ngx_auth_limit_zone_t *zone,
    const ngx_auth_gcra_t *gcra, const ngx_str_t *key, int64_t now,
    ngx_uint_t take, ngx_auth_limit_state_t *state)
{
    uint32_t                hash;
    ngx_auth_limit_keys_t  *keys;
    ngx_auth_limit_node_t  *node;

    keys = zone->keys;
    hash = ngx_murmur_hash2(key->data, key->len);

    ngx_shmtx_lock(&zone->shpool->mutex);

    node = ngx_auth_limit_zone_find(keys, hash, key);

    state->ahead = node ? ngx_auth_gcra_ahead(node->tat, now, zone->max) : 0;
    state->admitted = ngx_auth_gcra_admits(gcra, state->ahead);
    state->evicted = 0;

    if (node && node->tat > now) {
        node->tat = now + state->ahead;
    }

    if (take && state->admitted) {

        if (node == NULL) {
            node = ngx_auth_limit_zone_add(zone, hash, key, now);
        }

        if (node) {
            node->tat = now + state->ahead + gcra->cost;
        }
    }

    if (node) {
        ngx_queue_remove(&node->queue);
        ngx_queue_insert_head(&keys->queue, &node->queue);
    }

    if (keys->evicted
        && (now - keys->told >= NGX_AUTH_LIMIT_TELL || now < keys->told))
    {
        state->evicted = keys->evicted;
        keys->evicted = 0;
        keys->told = now;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


void
ngx_auth_limit_zone_give(ngx_auth_limit_zone_t *zone,
    const ngx_auth_gcra_t *gcra, const ngx_str_t *key)
{
    uint32_t                hash;
    ngx_auth_limit_node_t  *node;

    hash = ngx_murmur_hash2(key->data, key->len);

    ngx_shmtx_lock(&zone->shpool->mutex);

    node = ngx_auth_limit_zone_find(zone->keys, hash, key);

    if (node) {
        node->tat -= gcra->cost;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static ngx_int_t
ngx_auth_limit_zone_compare(const ngx_auth_limit_node_t *node,
    const u_char *key, size_t len)
{
    return ngx_memn2cmp((u_char *) key, (u_char *) node->key, len, node->len);
}


static void
ngx_auth_limit_zone_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t      **p;
    ngx_auth_limit_node_t   *new, *old;

    new = ngx_rbtree_data(node, ngx_auth_limit_node_t, node);

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            old = ngx_rbtree_data(temp, ngx_auth_limit_node_t, node);

            p = (ngx_auth_limit_zone_compare(old, new->key, new->len) < 0)
                ? &temp->left : &temp->right;
        }

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


static ngx_auth_limit_node_t *
ngx_auth_limit_zone_find(ngx_auth_limit_keys_t *keys, uint32_t hash,
    const ngx_str_t *key)
{
    ngx_int_t               rc;
    ngx_rbtree_node_t      *temp, *sentinel;
    ngx_auth_limit_node_t  *node;

    temp = keys->tree.root;
    sentinel = keys->tree.sentinel;

    while (temp != sentinel) {

        if (hash != temp->key) {
            temp = (hash < temp->key) ? temp->left : temp->right;
            continue;
        }

        node = ngx_rbtree_data(temp, ngx_auth_limit_node_t, node);

        rc = ngx_auth_limit_zone_compare(node, key->data, key->len);

        if (rc == 0) {
            return node;
        }

        temp = (rc < 0) ? temp->left : temp->right;
    }

    return NULL;
}


static ngx_auth_limit_node_t *
ngx_auth_limit_zone_add(ngx_auth_limit_zone_t *zone, uint32_t hash,
    const ngx_str_t *key, int64_t now)
{
    ngx_auth_limit_keys_t  *keys;
    ngx_auth_limit_node_t  *node;

    keys = zone->keys;

    /* of those that hold nothing back any more, two for each that comes */

    if (ngx_auth_limit_zone_drop(zone, now) == NGX_OK) {
        (void) ngx_auth_limit_zone_drop(zone, now);
    }

    node = ngx_slab_alloc_locked(zone->shpool, sizeof(ngx_auth_limit_node_t));

    if (node == NULL) {

        if (ngx_auth_limit_zone_drop(zone, INT64_MAX) != NGX_OK) {
            return NULL;
        }

        keys->evicted++;

        node = ngx_slab_alloc_locked(zone->shpool,
                                     sizeof(ngx_auth_limit_node_t));
        if (node == NULL) {
            return NULL;
        }
    }

    node->node.key = hash;
    node->len = key->len;
    ngx_memcpy(node->key, key->data, key->len);

    ngx_rbtree_insert(&keys->tree, &node->node);
    ngx_queue_insert_head(&keys->queue, &node->queue);

    return node;
}


/* drops the key that was not seen longest, if its arrival time is reached */

static ngx_int_t
ngx_auth_limit_zone_drop(ngx_auth_limit_zone_t *zone, int64_t until)
{
    ngx_queue_t            *q;
    ngx_auth_limit_node_t  *node;

    if (ngx_queue_empty(&zone->keys->queue)) {
        return NGX_DECLINED;
    }

    q = ngx_queue_last(&zone->keys->queue);
    node = ngx_queue_data(q, ngx_auth_limit_node_t, queue);

    if (node->tat > until) {
        return NGX_DECLINED;
    }

    ngx_queue_remove(&node->queue);
    ngx_rbtree_delete(&zone->keys->tree, &node->node);
    ngx_slab_free_locked(zone->shpool, node);

    return NGX_OK;
}
