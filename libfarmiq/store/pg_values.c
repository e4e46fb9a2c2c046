/* SPDX-License-Identifier: Apache-2.0 */
/* Values in PostgreSQL's binary format, both ways. Which type a parameter has is the
 * server's word; what we know of the types is the table below. */
#include "pg_private.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of types, which never change (pg_type.dat). */
enum {
    BOOL = 16,
    BYTEA = 17,
    INT8 = 20,
    INT2 = 21,
    INT4 = 23,
    TEXT = 25,
    JSON = 114,
    FLOAT8 = 701,
    VARCHAR = 1043,
    TIMESTAMPTZ = 1184
};

/* Writing ------------------------------------------------------------------------- */

static char *reserve(struct farmiq__pg_buffer *buffer, size_t len)
{
    size_t room = buffer->room ? buffer->room : 1024;
    char *bytes;

    while (room - buffer->len < len)
        room *= 2;
    if (room != buffer->room) {
        bytes = realloc(buffer->bytes, room);
        if (!bytes)
            return NULL;
        buffer->bytes = bytes;
        buffer->room = room;
    }
    buffer->len += len;
    return buffer->bytes + buffer->len - len;
}

static void store_big_endian(char *at, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, value >>= 8)
        at[i] = (char)(value & 0xff);
}

static int put_number(struct farmiq__pg_buffer *buffer, uint64_t value, int bytes,
                      int *len)
{
    char *at = reserve(buffer, (size_t)bytes);

    if (!at)
        return FARMIQ_E_NOMEM;
    store_big_endian(at, value, bytes);
    *len = bytes;
    return FARMIQ_OK;
}

static int put_integer(struct farmiq__pg_buffer *buffer, int bytes,
                       const struct farmiq_sql_value *value, int *len)
{
    int64_t limit = bytes == 8 ? INT64_MAX : (INT64_C(1) << (8 * bytes - 1)) - 1;

    if (value->type != FARMIQ_SQL_INTEGER || value->integer > limit ||
        value->integer < -limit - 1)
        return FARMIQ_E_ARG;
    return put_number(buffer, (uint64_t)value->integer, bytes, len);
}

static int put_bool(struct farmiq__pg_buffer *buffer, int bytes,
                    const struct farmiq_sql_value *value, int *len)
{
    if (value->type != FARMIQ_SQL_INTEGER)
        return FARMIQ_E_ARG;
    return put_number(buffer, value->integer != 0, bytes, len);
}

/* As everywhere in SQL, an integer will do where a real is wanted. */
static int put_real(struct farmiq__pg_buffer *buffer, int bytes,
                    const struct farmiq_sql_value *value, int *len)
{
    double real =
        value->type == FARMIQ_SQL_INTEGER ? (double)value->integer : value->real;
    uint64_t bits;

    if (value->type != FARMIQ_SQL_INTEGER && value->type != FARMIQ_SQL_REAL)
        return FARMIQ_E_ARG;
    memcpy(&bits, &real, sizeof bits);
    return put_number(buffer, bits, bytes, len);
}

/* The server counts microseconds since 2000. */
#define EPOCH_2000_UNIX_MS INT64_C(946684800000)

static int put_time(struct farmiq__pg_buffer *buffer, int bytes,
                    const struct farmiq_sql_value *value, int *len)
{
    int64_t since_2000;

    if (value->type != FARMIQ_SQL_INTEGER ||
        __builtin_sub_overflow(value->integer, EPOCH_2000_UNIX_MS, &since_2000) ||
        __builtin_mul_overflow(since_2000, 1000, &since_2000))
        return FARMIQ_E_ARG;
    return put_number(buffer, (uint64_t)since_2000, bytes, len);
}

static int put_bytes(struct farmiq__pg_buffer *buffer, struct farmiq_str text, int *len)
{
    char *at;

    if (text.len > INT_MAX)
        return FARMIQ_E_ARG;
    at = reserve(buffer, text.len);
    if (!at)
        return FARMIQ_E_NOMEM;
    if (text.len)
        memcpy(at, text.ptr, text.len);
    *len = (int)text.len;
    return FARMIQ_OK;
}

static int put_text(struct farmiq__pg_buffer *buffer, int bytes,
                    const struct farmiq_sql_value *value, int *len)
{
    (void)bytes;
    if (value->type != FARMIQ_SQL_TEXT ||
        (value->text.len && memchr(value->text.ptr, '\0', value->text.len)))
        return FARMIQ_E_ARG;
    return put_bytes(buffer, value->text, len);
}

static int put_blob(struct farmiq__pg_buffer *buffer, int bytes,
                    const struct farmiq_sql_value *value, int *len)
{
    (void)bytes;
    if (value->type != FARMIQ_SQL_TEXT && value->type != FARMIQ_SQL_BLOB)
        return FARMIQ_E_ARG;
    return put_bytes(buffer, value->text, len);
}

static const struct type {
    Oid oid, array_oid;
    int bytes;
    int (*put)(struct farmiq__pg_buffer *buffer, int bytes,
               const struct farmiq_sql_value *value, int *len);
} types[] = {
    { INT8, 1016, 8, put_integer }, { INT4, 1007, 4, put_integer },
    { INT2, 1005, 2, put_integer }, { TIMESTAMPTZ, 1185, 8, put_time },
    { TEXT, 1009, 0, put_text },    { VARCHAR, 1015, 0, put_text },
    { JSON, 199, 0, put_text },     { FLOAT8, 1022, 8, put_real },
    { BYTEA, 1001, 0, put_blob },   { BOOL, 1000, 1, put_bool },
};

static const struct type *find_type(Oid oid, int is_array)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((is_array ? types[i].array_oid : types[i].oid) == oid)
            return &types[i];
    return NULL;
}

static int put(struct farmiq__pg_buffer *buffer, const struct type *type,
               const struct farmiq_sql_value *value, int *len)
{
    *len = -1;
    return value->type == FARMIQ_SQL_NULL ? FARMIQ_OK
                                          : type->put(buffer, type->bytes, value, len);
}

int farmiq__pg_put(struct farmiq__pg_buffer *buffer, Oid oid,
                   const struct farmiq_sql_value *value, int *len)
{
    const struct type *type = find_type(oid, 0);

    return type ? put(buffer, type, value, len) : FARMIQ_E_ARG;
}

/* Each element is preceded by its length, which is known once it is written. */
static int put_element(struct farmiq__pg_buffer *buffer, const struct type *type,
                       const struct farmiq_sql_value *value)
{
    size_t at = buffer->len;
    int len, r;

    if (!reserve(buffer, 4))
        return FARMIQ_E_NOMEM;
    r = put(buffer, type, value, &len);
    if (!r)
        store_big_endian(buffer->bytes + at, (uint64_t)(int64_t)len, 4);
    return r;
}

/* One dimension that starts at 1, and may hold NULLs. */
static int put_array_head(struct farmiq__pg_buffer *buffer, const struct type *type,
                          uint32_t count)
{
    const uint32_t head[] = { 1, 1, type->oid, count, 1 };
    char *at = reserve(buffer, sizeof head);

    if (!at)
        return FARMIQ_E_NOMEM;
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        store_big_endian(at + 4 * i, head[i], 4);
    return FARMIQ_OK;
}

int farmiq__pg_put_array(struct farmiq__pg_buffer *buffer, Oid oid,
                         const struct farmiq_sql_value *values, uint32_t stride,
                         uint32_t count, int *len)
{
    const struct type *type = find_type(oid, 1);
    size_t at = buffer->len;
    int r = type ? put_array_head(buffer, type, count) : FARMIQ_E_ARG;

    for (uint32_t i = 0; i < count && !r; i++)
        r = put_element(buffer, type, values + (size_t)i * stride);
    if (!r && buffer->len - at > INT_MAX)
        r = FARMIQ_E_ARG;
    *len = (int)(buffer->len - at);
    return r;
}

/* Reading ------------------------------------------------------------------------- */

static int64_t load_big_endian(const char *bytes, int len)
{
    uint64_t value = len && (bytes[0] & 0x80) ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

static int64_t time_unix_ms(int64_t since_2000_us)
{
    int64_t ms = since_2000_us / 1000 - (since_2000_us % 1000 < 0);

    return ms + EPOCH_2000_UNIX_MS;
}

static void get_real(int64_t bits, struct farmiq_sql_value *value)
{
    value->type = FARMIQ_SQL_REAL;
    memcpy(&value->real, &bits, sizeof value->real);
}

static void get_bytes(const char *bytes, int len, int32_t type,
                      struct farmiq_sql_value *value)
{
    value->type = type;
    value->text.ptr = bytes;
    value->text.len = (size_t)len;
}

int farmiq__pg_get(const PGresult *result, int row, int column,
                   struct farmiq_sql_value *value)
{
    const char *bytes = PQgetvalue(result, row, column);
    int len = PQgetlength(result, row, column);

    memset(value, 0, sizeof *value);
    if (PQgetisnull(result, row, column))
        return FARMIQ_OK;
    value->type = FARMIQ_SQL_INTEGER;
    switch (PQftype(result, column)) {
    case INT8:
    case INT4:
    case INT2:
    case BOOL:
        value->integer = load_big_endian(bytes, len);
        return FARMIQ_OK;
    case TIMESTAMPTZ:
        value->integer = time_unix_ms(load_big_endian(bytes, len));
        return FARMIQ_OK;
    case FLOAT8:
        get_real(load_big_endian(bytes, len), value);
        return FARMIQ_OK;
    case TEXT:
    case VARCHAR:
    case JSON:
        get_bytes(bytes, len, FARMIQ_SQL_TEXT, value);
        return FARMIQ_OK;
    case BYTEA:
        get_bytes(bytes, len, FARMIQ_SQL_BLOB, value);
        return FARMIQ_OK;
    default:
        return FARMIQ_E_UNSUPPORTED;
    }
}
