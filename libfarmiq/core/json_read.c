/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON: yajl tells the tokens, what it does not check is checked here. */
#include <setjmp.h>

#include <yajl/yajl_parse.h>

#include "json_private.h"

/* yajl accepts what PostgreSQL's jsonb and other readers refuse or understand
 * differently: repeated members, \u0000, half surrogate pairs, overlong UTF-8,
 * numbers without a double, any depth, vertical tabs between tokens, and with a used
 * handle a second document. So a fresh handle reads each text, and yajl is never
 * shown an escape: a string that has one is checked by us and replaced by an empty
 * one. That also makes the memory yajl needs independent of the text. */

/* Values of interest live at one depth at a time: the root, the members of the
 * root, the elements of its list, the members of an element. */
#define FRAMES 4

struct frame {
    uint32_t depth;
    uint32_t expected;                   /* members mostly come in our order */
    struct farmiq__json_members members; /* none in a list */
    struct farmiq_json_member *slot;     /* takes the next value at this depth */
};

struct reader {
    const struct farmiq__json_job *job;
    yajl_handle parser;
    size_t fed;                /* offset of the piece that the parser is at */
    struct farmiq_str escaped; /* the raw string that the parser sees as "" */
    int is_plain;              /* the text, all of it */
    int poisoned;              /* it holds what no text can, and that was forgiven */
    uint32_t depth;            /* containers open */
    uint32_t depth_max;
    uint32_t element_index;
    int32_t result; /* why a callback stopped the parser */
    struct frame *frame;
    struct frame *list_frame; /* while inside the list */
    struct farmiq_json_member root;
    struct farmiq_json_member element;
    struct frame frames[FRAMES];
    struct farmiq__arena arena; /* of the parser */
    jmp_buf out_of_room;
};

/* ## Faults */

static const char *current_member(const struct reader *r)
{
    if (r->frame->slot && r->frame->slot->name)
        return r->frame->slot->name;
    return r->list_frame ? r->job->list->name : NULL;
}

/* The results are those of a yajl callback: 0 stops, 1 goes on. */
static int stop(struct reader *r, int code, size_t offset, const char *field,
                const char *detail)
{
    r->result =
        farmiq__fail(r->job->error, code, farmiq__json_offset(offset), field, detail);
    return 0;
}

static int refuse_text(struct reader *r, size_t offset, const char *detail)
{
    stop(r, FARMIQ_E_SYNTAX, offset, current_member(r), detail);
    return r->result;
}

/* A fault in the meaning of well-formed text. Where it is forgiven it belongs to
 * its element: a poisoned event must not hold up its neighbours. */
static int fault(struct reader *r, int code, size_t offset, const char *field,
                 const char *detail)
{
    struct farmiq__json_fault *forgiven =
        r->list_frame ? r->job->list->forgiven : r->job->forgiven;

    if (!forgiven)
        return stop(r, code, offset, field, detail);
    if (!forgiven->detail)
        *forgiven = (struct farmiq__json_fault){ code, farmiq__json_offset(offset), field,
                                                 detail };
    return 1;
}

/* ## Where we are */

/* The offset just behind the token that the parser reports. */
static size_t behind(const struct reader *r)
{
    if (r->escaped.ptr)
        return (size_t)(r->escaped.ptr + r->escaped.len + 1 - r->job->text.ptr);
    return r->fed + yajl_get_bytes_consumed(r->parser);
}

static struct farmiq_json_member *wanted(const struct reader *r)
{
    return r->depth == r->frame->depth ? r->frame->slot : NULL;
}

static struct farmiq_str between(const struct reader *r, size_t begin, size_t end)
{
    return farmiq__str(r->job->text.ptr + begin, end - begin);
}

/* ## Frames */

static void enter(struct reader *r, const struct farmiq__json_members *members,
                  struct farmiq_json_member *slot)
{
    struct frame *frame = ++r->frame;

    frame->depth = r->depth;
    frame->expected = 0;
    frame->slot = slot;
    frame->members.count = 0;
    if (!members)
        return;
    frame->members = *members;
    for (uint32_t i = 0; i < members->count; i++) {
        members->first[i].name = members->names[i].ptr;
        members->first[i].type = FARMIQ_JSON_ABSENT;
    }
}

/* Depth is counted within an element: what was legal alone stays legal in a batch. */
static void enter_list(struct reader *r)
{
    enter(r, NULL, &r->element);
    r->list_frame = r->frame;
    r->depth_max = FARMIQ_JSON_MAX_DEPTH + r->depth;
}

static int is_list(const struct reader *r, const struct farmiq_json_member *slot)
{
    const struct farmiq__json_list *list = r->job->list;

    if (!list || r->list_frame)
        return 0;
    return list->name == slot->name ||
           (list->name && slot->name && strcmp(list->name, slot->name) == 0);
}

/* A wanted container has begun; go in if something in it is wanted, too. */
static int go_in(struct reader *r, const struct farmiq_json_member *slot)
{
    if (slot == &r->root && slot->type != r->job->root)
        return stop(r, FARMIQ_E_SCHEMA, slot->offset, NULL,
                    r->job->root == FARMIQ_JSON_OBJECT ? "is not an object"
                                                       : "is not an array");
    if (slot->type == FARMIQ_JSON_ARRAY && is_list(r, slot))
        enter_list(r);
    else if (slot->type == FARMIQ_JSON_OBJECT && slot == &r->root)
        enter(r, &r->job->members, NULL);
    else if (slot->type == FARMIQ_JSON_OBJECT && slot == &r->element)
        enter(r, &r->job->list->members, NULL);
    return 1;
}

static void go_out(struct reader *r)
{
    if (r->frame->depth != r->depth)
        return;
    if (r->frame == r->list_frame) {
        r->list_frame = NULL;
        r->depth_max = FARMIQ_JSON_MAX_DEPTH;
    }
    r->frame--;
}

static int end_of_element(struct reader *r)
{
    const struct farmiq__json_list *list = r->job->list;
    struct farmiq__json_element element = { r->element_index++, r->element.offset,
                                            r->element.type, r->element.text };

    r->result = list->element ? list->element(list->ctx, &element) : FARMIQ_OK;
    if (list->forgiven)
        list->forgiven->detail = NULL;
    return r->result == FARMIQ_OK;
}

/* The value in `slot` is complete. */
static int end_of_value(struct reader *r, const struct farmiq_json_member *slot)
{
    if (slot == &r->element)
        return end_of_element(r);
    r->frame->slot = NULL;
    return 1;
}

/* ## Scalars */

static int scalar(struct reader *r, struct farmiq_json_member *slot, int32_t type,
                  size_t len, double number)
{
    size_t end = behind(r);

    if (slot == &r->root)
        return stop(r, FARMIQ_E_SCHEMA, end - len, NULL, "is not an object or array");
    slot->type = type;
    slot->offset = farmiq__json_offset(end - len);
    slot->text = between(r, end - len, end);
    slot->number = number;
    return end_of_value(r, slot);
}

static int on_null(void *ctx)
{
    struct farmiq_json_member *slot = wanted(ctx);

    return slot ? scalar(ctx, slot, FARMIQ_JSON_NULL, sizeof "null" - 1, 0) : 1;
}

static int on_boolean(void *ctx, int value)
{
    struct farmiq_json_member *slot = wanted(ctx);
    size_t len = value ? sizeof "true" - 1 : sizeof "false" - 1;

    return slot ? scalar(ctx, slot, FARMIQ_JSON_BOOL, len, value) : 1;
}

static int on_number(void *ctx, const char *text, size_t len)
{
    struct reader *r = ctx;
    struct farmiq_json_member *slot = wanted(r);
    double number = 0;

    if (farmiq__number_parse(text, len, &number) != FARMIQ_OK &&
        !fault(r, FARMIQ_E_RANGE, behind(r) - len, current_member(r),
               "has a number that no double can hold"))
        return 0;
    return slot ? scalar(r, slot, FARMIQ_JSON_NUMBER, len, number) : 1;
}

/* A poisoned string decodes to nothing: nobody may write it out again. */
static int decoded(struct reader *r, struct farmiq_str *text)
{
    char *copy;

    if (r->poisoned)
        return 1;
    copy = farmiq__arena_take(r->job->arena, r->escaped.len);
    if (!copy)
        return stop(r, FARMIQ_E_NOSPACE, behind(r), current_member(r),
                    "does not fit the scratch memory");
    *text = farmiq__str(copy, farmiq__json_string_decode(r->escaped, copy));
    return 1;
}

/* The offset of a string's opening quote. (A token that yajl had to piece together
 * is not in the input, but no text survives that has one.) */
static uint32_t string_offset(const struct reader *r, const char *text)
{
    const char *first = r->escaped.ptr ? r->escaped.ptr : text;

    return (uint32_t)((uintptr_t)first - (uintptr_t)r->job->text.ptr - 1);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    struct reader *r = ctx;
    struct farmiq_json_member *slot = wanted(r);
    struct farmiq_str value = farmiq__str((const char *)text, len);

    if (!slot)
        return 1;
    if (slot == &r->element || slot == &r->root)
        return scalar(r, slot, FARMIQ_JSON_STRING,
                      (r->escaped.ptr ? r->escaped.len : len) + 2, 0);
    if (r->escaped.ptr && !decoded(r, &value))
        return 0;
    slot->type = FARMIQ_JSON_STRING;
    slot->offset = string_offset(r, value.ptr);
    slot->text = value;
    slot->number = 0;
    r->frame->slot = NULL;
    return 1;
}

/* ## Containers and keys */

static int begin(struct reader *r, int32_t type)
{
    struct farmiq_json_member *slot = wanted(r);

    if (r->depth++ == r->depth_max)
        return stop(r, FARMIQ_E_RANGE, behind(r) - 1, current_member(r),
                    "is nested too deep");
    if (!slot)
        return 1;
    slot->type = type;
    slot->offset = farmiq__json_offset(behind(r) - 1);
    return go_in(r, slot);
}

static int on_begin_object(void *ctx) { return begin(ctx, FARMIQ_JSON_OBJECT); }
static int on_begin_array(void *ctx) { return begin(ctx, FARMIQ_JSON_ARRAY); }

static int on_end(void *ctx)
{
    struct reader *r = ctx;
    struct farmiq_json_member *slot;

    go_out(r);
    r->depth--;
    slot = wanted(r);
    if (!slot)
        return 1;
    slot->text = between(r, slot->offset, behind(r));
    return end_of_value(r, slot);
}

/* Two words that may overlap are any name of 8 to 16 bytes, and most are. */
static int is_same(const char *a, const char *b, size_t len)
{
    uint64_t words[4];

    if (len < 8 || len > 16)
        return memcmp(a, b, len) == 0;
    memcpy(&words[0], a, 8);
    memcpy(&words[1], b, 8);
    memcpy(&words[2], a + len - 8, 8);
    memcpy(&words[3], b + len - 8, 8);
    return words[0] == words[1] && words[2] == words[3];
}

static int is_key(const struct reader *r, struct farmiq_str name, struct farmiq_str key)
{
    if (r->escaped.ptr)
        return !r->poisoned && farmiq__json_string_is(r->escaped, name);
    return name.len == key.len && is_same(name.ptr, key.ptr, key.len);
}

/* Start looking where the last member was found: senders keep to one order. */
static struct farmiq_json_member *find_member(const struct reader *r,
                                              struct farmiq_str key)
{
    struct frame *frame = r->frame;
    uint32_t at = frame->expected;

    for (uint32_t i = 0; i < frame->members.count; i++, at++) {
        if (at >= frame->members.count)
            at = 0;
        if (is_key(r, frame->members.names[at], key)) {
            frame->expected = at + 1;
            return &frame->members.first[at];
        }
    }
    return NULL;
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
    struct reader *r = ctx;
    struct farmiq_json_member *member;

    if (r->depth != r->frame->depth)
        return 1;
    member = find_member(r, farmiq__str((const char *)text, len));
    r->frame->slot = member;
    if (!member || member->type == FARMIQ_JSON_ABSENT)
        return 1;
    /* Which of two a reader takes differs: jsonb the last, others the first. What
     * one checks, another would then obey (design: cross-tenant spoofing). */
    r->frame->slot = NULL;
    len = r->escaped.ptr ? r->escaped.len : len;
    return fault(r, FARMIQ_E_SCHEMA, behind(r) - len - 2, member->name, "comes twice");
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_begin_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_begin_array,
    .yajl_end_array = on_end,
};

/* ## The parser */

/* yajl does not look whether it got memory. All it owns is our arena, so leaving
 * it in the middle of its work loses nothing. */
static void *or_leave(struct reader *r, void *block)
{
    if (!block)
        longjmp(r->out_of_room, 1);
    return block;
}

static void *allocate(void *ctx, size_t bytes)
{
    struct reader *r = ctx;

    return or_leave(r, farmiq__arena_take(&r->arena, bytes));
}

static void *reallocate(void *ctx, void *block, size_t bytes)
{
    struct reader *r = ctx;

    return or_leave(r, farmiq__arena_grow(&r->arena, block, bytes));
}

static void release(void *ctx, void *block)
{
    (void)ctx;
    (void)block;
}

static int feed(struct reader *r, size_t offset, const char *text, size_t len)
{
    yajl_status status;

    r->fed = offset;
    if (len == 0)
        return FARMIQ_OK;
    status = yajl_parse(r->parser, (const unsigned char *)text, len);
    if (status == yajl_status_client_canceled)
        return r->result;
    return status == yajl_status_ok ? FARMIQ_OK
                                    : refuse_text(r, behind(r), "is not JSON");
}

/* A string with escapes, `raw` between its quotes. */
static int feed_escaped(struct reader *r, struct farmiq_str raw,
                        const struct farmiq__json_fault *found)
{
    size_t offset = (size_t)(raw.ptr - r->job->text.ptr) - 1;

    if (found->detail &&
        !fault(r, found->code, found->offset, current_member(r), found->detail))
        return r->result;
    r->escaped = raw;
    r->poisoned = found->detail != NULL;
    feed(r, offset, "\"\"", 2);
    r->escaped = farmiq__str(NULL, 0);
    return r->result;
}

/* Feed the text around its escaped strings. */
static int feed_pieces(struct reader *r)
{
    struct farmiq_str text = r->job->text;
    size_t begin, end = 0, fed = 0;
    const char *quote;

    while ((quote = memchr(text.ptr + end, '"', text.len - end)) != NULL) {
        struct farmiq__json_fault found = { 0, 0, NULL, NULL };
        int escaped, known;

        begin = (size_t)(quote - text.ptr);
        known = farmiq__json_string_end(text, begin + 1, &end, &escaped, &found);
        if ((known != FARMIQ_OK || escaped) &&
            feed(r, fed, text.ptr + fed, begin - fed) != FARMIQ_OK)
            return r->result;
        if (known != FARMIQ_OK)
            return refuse_text(r, end, "is not JSON");
        if (escaped && feed_escaped(r, between(r, begin + 1, end), &found) != FARMIQ_OK)
            return r->result;
        end++;
        fed = escaped ? end : fed;
    }
    return feed(r, fed, text.ptr + fed, text.len - fed);
}

/* What yajl still keeps, because it might go on, ends here: a number, for one. */
static int feed_end(struct reader *r)
{
    return r->root.text.ptr ? FARMIQ_OK : feed(r, r->job->text.len, " ", 1);
}

static int parse(struct reader *r)
{
    yajl_alloc_funcs memory = { allocate, reallocate, release, r };
    struct farmiq_str text = r->job->text;
    int result;

    /* Whatever the text, the parser has what it needs, unless the text ends inside
     * a token: yajl keeps that in the hope of more. */
    if (setjmp(r->out_of_room) != 0)
        return refuse_text(r, r->job->text.len, "is not complete");
    r->parser = yajl_alloc(&callbacks, &memory, r);
    yajl_config(r->parser, yajl_dont_validate_strings, 1); /* we did, strictly */
    if (r->is_plain || !memchr(text.ptr, '\\', text.len))
        result = feed(r, 0, text.ptr, text.len);
    else
        result = feed_pieces(r);
    return result == FARMIQ_OK ? feed_end(r) : result;
}

/* yajl takes vertical tabs and form feeds for white space; RFC 8259 has neither. */
static int check_space(struct reader *r)
{
    struct farmiq_str text = r->job->text;

    for (const char *space = "\v\f"; *space; space++) {
        const char *found = memchr(text.ptr, *space, text.len);

        if (found)
            return refuse_text(r, (size_t)(found - text.ptr), "has a control byte");
    }
    return FARMIQ_OK;
}

static int check_bytes(struct reader *r)
{
    struct farmiq_str text = r->job->text;
    size_t valid;

    if (text.len == 0)
        return refuse_text(r, 0, "is empty");
    if (text.len >= FARMIQ_NO_OFFSET) {
        stop(r, FARMIQ_E_RANGE, FARMIQ_NO_OFFSET, NULL, "is too large");
        return r->result;
    }
    r->is_plain = farmiq__json_is_plain(text.ptr, text.len);
    if (r->is_plain)
        return FARMIQ_OK;
    valid = farmiq__utf8_check(text.ptr, text.len);
    return valid < text.len ? refuse_text(r, valid, "is not UTF-8") : check_space(r);
}

static int start(struct reader *r, const struct farmiq__json_job *job)
{
    void *memory = farmiq__arena_take(job->arena, FARMIQ__JSON_PARSER_BYTES);

    memset(r, 0, offsetof(struct reader, frames));
    r->job = job;
    r->depth_max = FARMIQ_JSON_MAX_DEPTH;
    r->frame = r->frames;
    r->frames[0] = (struct frame){ .slot = &r->root };
    if (!memory)
        stop(r, FARMIQ_E_NOSPACE, FARMIQ_NO_OFFSET, NULL,
             "the scratch memory is too small");
    farmiq__arena_init(&r->arena, memory, FARMIQ__JSON_PARSER_BYTES);
    return r->result;
}

int farmiq__json_is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!memchr(" \t\r\n", text[i], 4))
            return 0;
    return 1;
}

/* yajl does not refuse what may be the beginning of a token, as it might get the
 * rest of it later. There is no later here. */
static int check_end(struct reader *r)
{
    struct farmiq_str text = r->job->text;
    size_t end = r->root.offset + r->root.text.len;

    if (!r->root.text.ptr)
        return refuse_text(r, text.len, "is not complete");
    if (!farmiq__json_is_blank(text.ptr + end, text.len - end))
        return refuse_text(r, end, "is followed by something else");
    return FARMIQ_OK;
}

int farmiq__json_read(const struct farmiq__json_job *job)
{
    struct reader r;

    if (start(&r, job) != FARMIQ_OK || check_bytes(&r) != FARMIQ_OK ||
        parse(&r) != FARMIQ_OK)
        return r.result;
    return check_end(&r);
}
