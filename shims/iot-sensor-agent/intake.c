/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the source until it ends. */
#include "intake.h"

#include "kit/log.h"

int intake_open(struct intake *in, const struct agent_options *options, struct moment now,
                struct farmiq_error *error)
{
    in->options = options;
    return source_open(&in->source, options, now, error);
}

void intake_close(struct intake *in)
{
    source_close(in->source);
    in->source = NULL;
}

static void end(struct intake *in, const char *why)
{
    shim_log_line(SHIM_INFO, "source.ended", "%s after %llu events", why,
                  (unsigned long long)in->produced);
    intake_close(in);
}

/* What one answer of the source means. Returns 1 if it is worth asking again now. */
static int take(struct intake *in, int answer)
{
    if (answer == FARMIQ_NONE)
        return 0;
    if (answer == FARMIQ_OK) {
        in->count++;
        in->produced++;
    } else if (answer == FARMIQ_E_SYNTAX) {
        in->skipped++;
    } else {
        end(in, answer == FARMIQ_EXHAUSTED ? "its end" : farmiq_errname(answer));
        return 0;
    }
    if (in->options->count && in->produced >= in->options->count)
        end(in, "the count");
    return 1;
}

void intake_read(struct intake *in, struct moment now)
{
    while (in->source && in->count < BUFFER_ADD_MAX)
        if (!take(in, in->source->kind->read(in->source, now, &in->readings[in->count])))
            return;
}
