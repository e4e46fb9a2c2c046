/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl bus: what must be there at RabbitMQ before anything is published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "kit/broker.h"
#include "kit/bus_topology.h"
#include "kit/options_print.h"

#define JSON_BYTES (256 * 1024)

static const struct shim_option options[] = {
    { "SERVICES", SHIM_STRING, "",
      "whose queues, separated by commas, or all; empty: those of this release" },
    { "VHOST", SHIM_STRING, "/", "definitions: the virtual host they are for" },
    { 0 },
};
static const struct shim_option *const tables[] = { options, shim_broker_options, NULL };

int ctl_bus_open(struct shim_amqp **link, const struct shim_options *given)
{
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    r = shim_broker_open(link, given, "farmiqctl", &error);
    return r < 0 ? ctl_fail("--rabbitmq-url", r, &error) : 0;
}

static const char *services_of(const struct shim_options *given)
{
    const char *text = shim_options_text(given, "SERVICES");

    return *text ? text : NULL;
}

/* ## declare */

static const struct {
    int code;
    const char *fix;
} fixes[] = {
    { FARMIQ_CONFLICT,
      "it is there with other arguments, which cannot be changed: drain it, delete it "
      "and declare again; an exchange may instead get its alternate exchange by policy "
      "(deploy/rabbitmq/README.md)" },
    { FARMIQ_NONE, "what it names is not there: repair what was reported before it" },
    { FARMIQ_E_REFUSED, "this user may not configure it: use an administrator's URL" },
};

static void print_fault(void *ctx, const char *kind, const char *name, int code,
                        const char *why)
{
    (void)ctx;
    fprintf(stderr, "farmiqctl bus declare: %s %s: %s\n", kind, name, why);
    for (size_t i = 0; i < sizeof fixes / sizeof *fixes; i++)
        if (fixes[i].code == code)
            fprintf(stderr, "  %s\n", fixes[i].fix);
}

static int declare(const struct shim_options *given)
{
    struct shim_amqp *link = NULL;
    int r = ctl_bus_open(&link, given), faults;

    if (r)
        return r;
    faults = shim_bus_declare(link, services_of(given), print_fault, NULL);
    if (faults < 0)
        fprintf(stderr, "farmiqctl bus declare: %s\n", shim_amqp_why(link));
    else if (faults)
        printf("%d faults; everything else is declared\n", faults);
    else
        printf("exchanges, queues and bindings are declared\n");
    shim_amqp_close(link);
    return faults < 0 ? 2 : faults ? 1 : 0;
}

/* ## definitions */

struct printing {
    struct farmiq_json_writer w;
    const char *vhost;
};

static void member(struct printing *p, const char *key, const char *text)
{
    farmiq_json_key(&p->w, key);
    farmiq_json_text(&p->w, text);
}

static void flag(struct printing *p, const char *key, int value)
{
    farmiq_json_key(&p->w, key);
    farmiq_json_bool(&p->w, value);
}

static void print_arguments(struct printing *p,
                            const struct shim_amqp_argument *arguments)
{
    farmiq_json_key(&p->w, "arguments");
    farmiq_json_open(&p->w, '{');
    for (; arguments && arguments->name; arguments++) {
        farmiq_json_key(&p->w, arguments->name);
        if (arguments->text)
            farmiq_json_text(&p->w, arguments->text);
        else
            farmiq_json_int(&p->w, arguments->number);
    }
    farmiq_json_close(&p->w, '}');
}

static int print_exchange(void *ctx, const char *name, const char *type,
                          const struct shim_amqp_argument *arguments)
{
    struct printing *p = ctx;

    farmiq_json_open(&p->w, '{');
    member(p, "name", name);
    member(p, "vhost", p->vhost);
    member(p, "type", type);
    flag(p, "durable", 1);
    flag(p, "auto_delete", 0);
    flag(p, "internal", 0);
    print_arguments(p, arguments);
    farmiq_json_close(&p->w, '}');
    return FARMIQ_OK;
}

static int print_queue(void *ctx, const char *name,
                       const struct shim_amqp_argument *arguments)
{
    struct printing *p = ctx;

    farmiq_json_open(&p->w, '{');
    member(p, "name", name);
    member(p, "vhost", p->vhost);
    flag(p, "durable", 1);
    flag(p, "auto_delete", 0);
    print_arguments(p, arguments);
    farmiq_json_close(&p->w, '}');
    return FARMIQ_OK;
}

static int print_binding(void *ctx, const char *source, const char *destination,
                         int is_exchange, const char *routing_key)
{
    struct printing *p = ctx;

    farmiq_json_open(&p->w, '{');
    member(p, "source", source);
    member(p, "vhost", p->vhost);
    member(p, "destination", destination);
    member(p, "destination_type", is_exchange ? "exchange" : "queue");
    member(p, "routing_key", routing_key);
    print_arguments(p, NULL);
    farmiq_json_close(&p->w, '}');
    return FARMIQ_OK;
}

static void print_section(struct printing *p, const char *name, const char *services,
                          const struct shim_bus_visitor *visitor)
{
    farmiq_json_key(&p->w, name);
    farmiq_json_open(&p->w, '[');
    (void)!shim_bus_walk(services, visitor);
    farmiq_json_close(&p->w, ']');
}

/* A node that loads definitions makes nothing else by itself. */
static void print_vhost(struct printing *p)
{
    farmiq_json_key(&p->w, "vhosts");
    farmiq_json_open(&p->w, '[');
    farmiq_json_open(&p->w, '{');
    member(p, "name", p->vhost);
    farmiq_json_close(&p->w, '}');
    farmiq_json_close(&p->w, ']');
}

static int definitions(const struct shim_options *given)
{
    struct printing p = { .vhost = shim_options_text(given, "VHOST") };
    const char *services = services_of(given);
    char *buf = malloc(JSON_BYTES);
    size_t len;
    int r;

    if (!buf)
        return ctl_fail("bus definitions", FARMIQ_E_NOMEM, NULL);
    farmiq_json_begin(&p.w, buf, JSON_BYTES);
    farmiq_json_open(&p.w, '{');
    print_vhost(&p);
    print_section(&p, "exchanges", services,
                  &(struct shim_bus_visitor){ .ctx = &p, .exchange = print_exchange });
    print_section(&p, "queues", services,
                  &(struct shim_bus_visitor){ .ctx = &p, .queue = print_queue });
    print_section(&p, "bindings", services,
                  &(struct shim_bus_visitor){ .ctx = &p, .bind = print_binding });
    farmiq_json_close(&p.w, '}');
    r = farmiq_json_end(&p.w, &len);
    if (r == FARMIQ_OK)
        printf("%.*s\n", (int)len, buf);
    free(buf);
    return r == FARMIQ_OK ? 0 : ctl_fail("bus definitions", r, NULL);
}

/* ## The command */

static const struct ctl_verb verbs[] = {
    { "declare", declare, "declare exchanges, queues and bindings; harmless to repeat" },
    { "definitions", definitions, "print them as a file that RabbitMQ loads" },
    { 0 },
};

static void man(void) { ctl_verbs_man(verbs); }

static int bus(int argc, char **argv)
{
    return ctl_verbs_run("bus", verbs, tables, argc, argv);
}

const struct ctl_command ctl_bus = {
    .name = "bus",
    .arguments = "VERB [--name value]...",
    .summary = "prepare RabbitMQ, which carries events between the cloud's services",
    .tables = tables,
    .man = man,
    .run = bus,
};
