
/*
 * What the tests of field tables say of the faults that were found: FAULTS
 * is their array, as an expression of the test's own.
 */


#ifndef _API_FAULT_H_INCLUDED_
#define _API_FAULT_H_INCLUDED_


#include "ngx_unit.h"
#include "ngx_api_schema.h"


/* the fault number i; detail: NULL if any will do */
#define assert_fault(i, where, code, detail)                                  \
    unit_assert_fault(FAULTS, i, where, code, detail)

/* it and no other */
#define assert_only(where, code, detail)                                      \
    do {                                                                      \
        assert_fault(0, where, code, detail);                                 \
        assert_int_equal((FAULTS)->nelts, 1);                                 \
    } while (0)


static inline void
unit_assert_fault(const ngx_array_t *faults, ngx_uint_t i, const char *where,
    const char *code, const char *detail)
{
    ngx_api_fault_t  *fault;

    if (i >= faults->nelts) {
        fail_msg("no fault %d: %s %s", (int) i, where, code);
    }

    fault = (ngx_api_fault_t *) faults->elts + i;

    assert_int_equal(strlen(where), fault->where.len);
    assert_memory_equal(fault->where.data, where, fault->where.len);
    assert_string_equal(fault->code, code);
    assert_true(fault->detail.len > 0);
    assert_int_equal(strlen((char *) fault->detail.data), fault->detail.len);

    if (detail) {
        assert_string_equal((char *) fault->detail.data, detail);
    }
}


#endif /* _API_FAULT_H_INCLUDED_ */
